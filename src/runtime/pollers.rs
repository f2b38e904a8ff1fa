//! One task per source: looks, reports, waits its interval.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{sync::mpsc::Sender, task::JoinSet};

use crate::{
    app::Event,
    azure::Azure,
    domain::{Source, source::SILENT_PAUSE, time::Span},
};

use super::clock::Clock;

/// Shortest pause in our own time: a simulated estate's clock may run so fast that its pollers
/// would leave the machine nothing for the run. What is then old is shown as old.
const LEAST_PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// A pause is shorter than the interval by up to this share of it, in percent, so that sources do not
/// march in step; never longer, so that no value gets older than its interval by more than its call takes.
const JITTER_PERCENT: i64 = 10;

/// Polls sources until it is dropped.
#[derive(Debug)]
pub struct Pollers {
    tasks: JoinSet<()>,
    watched: BTreeSet<Source>,
    azure: Azure,
    clock: Arc<Clock>,
    news: Sender<Event>,
}

impl Pollers {
    /// Starts to poll `sources`. A full `news` stalls the poller, never the loop.
    pub fn start(
        azure: Azure,
        clock: Arc<Clock>,
        news: Sender<Event>,
        sources: impl IntoIterator<Item = Source>,
    ) -> Self {
        let (tasks, watched) = (JoinSet::new(), BTreeSet::new());
        let mut pollers = Self { tasks, watched, azure, clock, news };
        pollers.watch(sources);
        pollers
    }

    /// Polls these sources too; those that are polled already go on as they are.
    pub fn watch(&mut self, sources: impl IntoIterator<Item = Source>) {
        for source in sources {
            if self.watched.insert(source.clone()) {
                self.poll(source);
            }
        }
    }

    fn poll(&mut self, source: Source) {
        let (azure, clock, news) = (self.azure.clone(), self.clock.clone(), self.news.clone());
        self.tasks.spawn(async move {
            let mut misses = 0_u32;
            loop {
                let observation = azure.look(&source, &|| clock.now()).await;
                misses = if observation.outcome.is_ok() { 0 } else { misses + 1 };
                let again = clock.now() + pause(source.interval(), misses);
                let awaited = Event::LookAwaited { source: source.clone(), at: again };
                for event in [Event::Observed(observation), awaited] {
                    if news.send(event).await.is_err() {
                        return;
                    }
                }
                tokio::join!(clock.sleep_until(again), tokio::time::sleep(LEAST_PAUSE));
            }
        });
    }

    /// Looks at one source now, besides its interval.
    pub fn look(&mut self, source: Source) {
        let (azure, clock, news) = (self.azure.clone(), self.clock.clone(), self.news.clone());
        self.tasks.spawn(async move {
            let observation = azure.look(&source, &|| clock.now()).await;
            let _ = news.send(Event::Observed(observation)).await;
        });
    }
}

/// The pause after a look: the interval, doubled with every miss up to a minute, with jitter.
fn pause(interval: Span, misses: u32) -> Span {
    let doubled = interval * (1 << misses.min(4));
    let base = if misses == 0 { interval } else { doubled.min(SILENT_PAUSE).max(interval) };
    let spread = base.as_millis() as i64 * JITTER_PERCENT / 100;
    Span::from_millis(base.as_millis() as i64 - fastrand::i64(0..=spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::seconds;

    #[test]
    fn a_silent_source_is_asked_less_often_but_never_forgotten() {
        for (interval, misses, least, most) in
            [(15, 0, 13, 15), (15, 1, 27, 30), (15, 9, 54, 60), (300, 3, 270, 300)]
        {
            let secs = pause(seconds(interval), misses).as_secs();
            assert!((least..=most).contains(&secs), "{interval} s after {misses} misses: {secs} s");
        }
    }
}
