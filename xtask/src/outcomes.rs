//! What the lines of Rust's test runner come to: how many tests passed, and what those that failed said.

use std::fmt::Write as _;

/// Lines kept of what one failed test said; the log has them all.
const LINES_OF_A_TEST: usize = 40;

/// What the test runner said, over all its test executables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    passed: u32,
    failed: u32,
    /// Each failed test with its own words.
    said: Vec<(String, Vec<String>)>,
    hearing: Hearing,
}

/// Which lines are a failed test's own words.
#[derive(Debug, Default, PartialEq, Eq)]
enum Hearing {
    #[default]
    Nothing,
    Words,
    /// Frames of the test runner and of the runtime: they help nobody who reads the summary.
    Backtrace,
}

impl Outcomes {
    /// Takes in the next line.
    pub(crate) fn hear(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += before("passed", counts);
            self.failed += before("failed", counts);
            self.hearing = Hearing::Nothing;
        } else if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.said.push((name.to_owned(), Vec::new()));
            self.hearing = Hearing::Words;
        } else if line == "failures:" {
            self.hearing = Hearing::Nothing;
        } else if line == "stack backtrace:" && self.hearing == Hearing::Words {
            self.hearing = Hearing::Backtrace;
        } else if self.hearing == Hearing::Words
            && !line.is_empty()
            && let Some((_, words)) = self.said.last_mut()
            && words.len() < LINES_OF_A_TEST
        {
            words.push(line.to_owned());
        }
    }

    /// Whether nothing was heard of any test.
    pub(crate) fn is_empty(&self) -> bool {
        self.passed == 0 && self.failed == 0
    }

    /// `Rust tests: 12 passed, 0 failed`.
    pub(crate) fn count(&self) -> String {
        format!("Rust tests: {} passed, {} failed", self.passed, self.failed)
    }

    /// What the failed tests said, to stand at the end where nobody has to look for it; empty without any.
    pub(crate) fn words(&self) -> String {
        let mut text = String::new();
        for (name, words) in &self.said {
            let _ = writeln!(text, "{name}:");
            for line in words {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }
}

/// The number before a word, as in `12 passed; 0 failed`.
fn before(word: &str, counts: &str) -> u32 {
    let words: Vec<&str> = counts.split([' ', ';']).filter(|word| !word.is_empty()).collect();
    words
        .windows(2)
        .find(|pair| pair[1] == word)
        .and_then(|pair| pair[0].parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Outcomes {
        let mut outcomes = Outcomes::default();
        text.lines().for_each(|line| outcomes.hear(line));
        outcomes
    }

    #[test]
    fn closing_lines_add_up() {
        let outcomes = heard(
            "running 14 tests\n\
             test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(outcomes.count(), "Rust tests: 15 passed, 1 failed");
        assert_eq!(outcomes.words(), "");
    }

    #[test]
    fn a_failed_tests_words_are_kept_without_its_backtrace() {
        let outcomes = heard(
            "test one ... FAILED\n\nfailures:\n\n---- one stdout ----\n\nthread 'one' panicked at a.rs:1:2:\nit is 3\n\
             stack backtrace:\n   0: rust_begin_unwind\nnote: more\n\n---- two stdout ----\nanother\n\nfailures:\n    one\n    \
             two\n\ntest result: FAILED. 0 passed; 2 failed; 0 ignored\nunrelated",
        );
        assert_eq!(
            outcomes.words(),
            "one:\n    thread 'one' panicked at a.rs:1:2:\n    it is 3\ntwo:\n    another\n"
        );
    }
}
