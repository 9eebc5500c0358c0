//! Lets Tauri read the configuration, the capabilities and the icons before the shell is compiled.

use std::env;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `generate_context!` embeds these and cargo does not see it: without the lines a changed icon, capability or
    // user interface waits for the next edit of the shell.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=icons");
    if env::var_os("CARGO_FEATURE_CUSTOM_PROTOCOL").is_some() {
        // Only where it is embedded: a folder that is not there would make cargo start over each time.
        println!("cargo:rerun-if-changed=ui/dist");
    }
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*");
    tauri_build::try_build(attributes)?;
    Ok(())
}
