//! How many at once, by key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what is held, by key. A key that holds nothing takes no memory.
#[derive(Debug)]
pub(super) struct Tally<K> {
    most: usize,
    counts: Arc<Mutex<HashMap<K, usize>>>,
}

/// One that is held; it is given back when this is dropped.
pub(crate) struct Held(Option<Box<dyn FnOnce() + Send + Sync>>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}

impl<K: Hash + Eq + Clone + Send + 'static> Tally<K> {
    /// At most so many of one key; 0 is no limit.
    pub(super) fn new(most: u32) -> Self {
        let most = match most {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        };
        Self {
            most,
            counts: Arc::default(),
        }
    }

    /// Holds one more; where there are enough, how many that is.
    pub(super) fn hold(&self, key: K) -> Result<Held, usize> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&key).copied().unwrap_or_default();
        if count >= self.most {
            return Err(count);
        }
        counts.insert(key.clone(), count + 1);
        let counts = Arc::clone(&self.counts);
        let key = Mutex::new(Some(key));
        Ok(Held(Some(Box::new(move || {
            let key = key.into_inner().unwrap_or_else(PoisonError::into_inner);
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(key) = key else { return };
            match counts.get_mut(&key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    counts.remove(&key);
                }
            }
        }))))
    }

    /// How many are held in all.
    pub(super) fn all(&self) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_and_nobody_is_remembered() {
        let tally = Tally::new(2);
        let (first, second) = (tally.hold("a").unwrap(), tally.hold("a").unwrap());
        assert_eq!(tally.hold("a").unwrap_err(), 2);
        assert!(tally.hold("b").is_ok());
        drop(first);
        let third = tally.hold("a").unwrap();
        assert_eq!(tally.all(), 2);
        drop((second, third));
        assert!(tally.counts.lock().unwrap().is_empty());
    }
}
