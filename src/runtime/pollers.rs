//! One task per source: looks, reports, waits its interval.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{sync::mpsc::Sender, task::JoinSet};

use crate::{
    app::Event,
    azure::Azure,
    domain::{
        Source,
        reading::{Silence, SilenceKind},
        source::SILENT_PAUSE,
        time::Span,
    },
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
            // Until the first answer is in it is said for how long it has been asked for.
            let asked = Event::LookAwaited { source: source.clone(), at: clock.now() };
            if news.send(asked).await.is_err() {
                return;
            }
            loop {
                let observation = azure.look(&source, &|| clock.now()).await;
                misses = after(misses, &observation.outcome);
                let again = clock.now() + pause(source.interval(), misses, &observation.outcome);
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

/// Misses in a row after a look, before which there were `misses`: where no request left none was missed.
fn after<T>(misses: u32, outcome: &Result<T, Silence>) -> u32 {
    match outcome {
        Ok(_) => 0,
        Err(silence) if silence.kind == SilenceKind::NotAsked => misses,
        Err(_) => misses + 1,
    }
}

/// The pause after a look: the interval, doubled with every miss up to a minute, with jitter. A look that
/// was not let out cost nobody anything: it comes again after the interval, so that of a far end that is left
/// alone what matters most is asked for most often.
fn pause<T>(interval: Span, misses: u32, outcome: &Result<T, Silence>) -> Span {
    let unasked = matches!(outcome, Err(silence) if silence.kind == SilenceKind::NotAsked);
    let doubled = interval * (1 << misses.min(4));
    let base = if misses == 0 || unasked { interval } else { doubled.min(SILENT_PAUSE).max(interval) };
    let spread = base.as_millis() as i64 * JITTER_PERCENT / 100;
    Span::from_millis(base.as_millis() as i64 - fastrand::i64(0..=spread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Safe, time::seconds};

    #[test]
    fn a_silent_source_is_asked_less_often_but_never_forgotten() {
        let failed = |kind| Err::<(), _>(Silence { kind, why: Safe::new("no answer") });
        let (lost, unasked) = (failed(SilenceKind::Unreachable), failed(SilenceKind::NotAsked));
        for (interval, before, outcome, misses, least, most) in [
            (15, 3, &Ok(()), 0, 13, 15),
            (15, 0, &lost, 1, 27, 30),
            (15, 8, &lost, 9, 54, 60),
            (300, 2, &lost, 3, 270, 300),
            (15, 0, &unasked, 0, 13, 15),
            (15, 8, &unasked, 8, 13, 15),
            (60, 8, &unasked, 8, 54, 60),
        ] {
            assert_eq!(after(before, outcome), misses, "{outcome:?} after {before}");
            let secs = pause(seconds(interval), misses, outcome).as_secs();
            assert!((least..=most).contains(&secs), "{interval} s after {misses} misses: {secs} s");
        }
    }
}
