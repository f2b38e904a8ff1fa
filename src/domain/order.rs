//! One sort for all short lists. The standard one is compiled anew for every type and every way to compare,
//! at five to six kilobytes each; this one sorts places and asks how what lies there compares.

use std::cmp::Ordering;

/// Puts a slice in order; equals keep theirs. For lists that a person reads: where there are hundreds of
/// thousands, the standard sort is faster.
pub trait Order<T> {
    /// By a comparison.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// By a key, the least first.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

impl<T> Order<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut places: Vec<usize> = (0..self.len()).collect();
        in_order(&mut places, &mut |one, two| compare(&self[one], &self[two]));
        for at in 0..self.len() {
            let mut from = places[at];
            // What stood there may have been swapped away already; its own place tells where to.
            while from < at {
                from = places[from];
            }
            self.swap(at, from);
        }
    }

    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|one, two| key(one).cmp(&key(two)));
    }
}

fn in_order(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|one, two| compare(*one, *two));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_orders_as_the_standard_sort_does(all in proptest::collection::vec((0_u8..9, any::<u32>()), 0..60)) {
            let (mut ours, mut theirs) = (all.clone(), all);
            ours.order_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &theirs);
            ours.order_by(|one, two| two.1.cmp(&one.1));
            theirs.sort_by_key(|one| std::cmp::Reverse(one.1));
            prop_assert_eq!(ours, theirs);
        }
    }
}
