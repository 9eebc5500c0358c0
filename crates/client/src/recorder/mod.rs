//! A session as JSON lines, in a bounded ring of files, and the way back from the lines to the states.
//!
//! [`Recorder`] takes what a session hears, says, is answered and decides; one thread writes it. [`Replay`] feeds the same
//! reducer with the lines and has to arrive at the states that were recorded; [`Playback`] steps through a file.

mod handle;
mod line;
mod playback;
mod replay;
mod ring;
mod summary;

pub use handle::{About, Recorder, RecorderError};
pub use line::FORMAT;
pub use playback::{
    Playback, PlaybackError, RecordedKind, RecordedLine, RecordingFile, RecordingMoment, files_of, list,
};
pub use replay::{Counted, Difference, Replay, ReplayError, Told};
pub use ring::Limits;

#[cfg(test)]
mod tests;
