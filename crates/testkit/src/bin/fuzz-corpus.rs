//! Writes the recordings as the first food of the fuzz targets: `cargo run --package gavelscope-testkit --bin fuzz-corpus`.

use std::collections::BTreeSet;
use std::path::Path;

use gavelscope_testkit::hostile::Mutator;

/// So many frames in a row make one file, so that a fuzzer sees states and not only single frames.
const IN_A_ROW: usize = 8;

fn main() -> anyhow::Result<()> {
    let recorded = Mutator::of_recordings(0)?;
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let rows: BTreeSet<String> = recorded
        .frames()
        .chunks(IN_A_ROW)
        .map(|frames| frames.join("\n"))
        .collect();
    let answers: BTreeSet<String> = recorded.answers().iter().cloned().collect();
    for (target, files) in [("frames", rows), ("answers", answers)] {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, text) in files.iter().enumerate() {
            std::fs::write(folder.join(format!("recorded-{number:04}")), text)?;
        }
        println!("{} files in {}", files.len(), folder.display());
    }
    Ok(())
}
