//! Lets Tauri read the configuration, the capabilities and the icons before the shell is compiled.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What `generate_context!` embeds: without these lines a changed icon or capability waits for the next edit.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=icons");
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*");
    tauri_build::try_build(attributes)?;
    Ok(())
}
