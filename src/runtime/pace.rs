//! When the screen is painted: keys at once, news at most four times a second, and nothing when nothing
//! came.

/// News repaints at most this often, in milliseconds (design §13); keys repaint at once.
const NEWS_FRAME_MS: u64 = 250;

/// What is to be painted, and when the last frame was. Times are milliseconds of real time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    due: Due,
    painted_at: u64,
}

/// What has to be painted, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// Nothing has changed.
    Never,
    /// News came: at the next free quarter of a second.
    News,
    /// A key came, or the window changed: now.
    Now,
}

impl Pace {
    /// Before the first frame, which is due.
    pub(super) fn start() -> Self {
        Self { due: Due::Now, painted_at: 0 }
    }

    /// News came.
    pub(super) fn news(&mut self) {
        if self.due == Due::Never {
            self.due = Due::News;
        }
    }

    /// A key came, or the window changed.
    pub(super) fn at_once(&mut self) {
        self.due = Due::Now;
    }

    /// How long the next frame has to wait; `None`: there is none to paint.
    pub(super) fn wait(&self, now: u64) -> Option<u64> {
        match self.due {
            Due::Never => None,
            Due::Now => Some(0),
            Due::News => Some((self.painted_at + NEWS_FRAME_MS).saturating_sub(now)),
        }
    }

    /// A frame left.
    pub(super) fn painted(&mut self, now: u64) {
        *self = Self { due: Due::Never, painted_at: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many frames ten seconds take, a millisecond at a time.
    fn frames(mut happens: impl FnMut(u64, &mut Pace)) -> usize {
        let (mut pace, mut frames) = (Pace::start(), 0);
        for now in 0..10_000 {
            happens(now, &mut pace);
            if pace.wait(now) == Some(0) {
                frames += 1;
                pace.painted(now);
            }
        }
        frames
    }

    #[test]
    fn news_is_painted_four_times_a_second_seconds_once_keys_at_once_and_nothing_never() {
        // The first frame is due without any news.
        assert_eq!(frames(|_, _| {}), 1);
        assert_eq!(
            frames(|now, pace| if now % 1_000 == 500 {
                pace.news();
            }),
            1 + 10
        );
        assert_eq!(
            frames(|now, pace| if now % 10 == 0 {
                pace.news();
            }),
            40
        );
        let both = |now, pace: &mut Pace| {
            if now % 10 == 0 {
                pace.news();
            }
            if now == 3_003 {
                pace.at_once();
                assert_eq!(pace.wait(now), Some(0));
                // What comes with the key does not make the key wait.
                pace.news();
                assert_eq!(pace.wait(now), Some(0));
            }
        };
        assert!((40..=41).contains(&frames(both)));
    }
}
