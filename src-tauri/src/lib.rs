//! The desktop shell: commands, the state's channel, practice, the keychain. Commands parse and delegate; what is
//! decided is decided in the crates below.

mod commands;
mod desk;
mod error;
mod examining;
mod keeping;
mod practice;
mod recordings;
mod reports;
mod settings;
mod shown;
mod stream;

use std::sync::Arc;

use anyhow::Context as _;
use tauri::Manager as _;
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands};
use tracing_subscriber::EnvFilter;

use crate::desk::Desk;

/// The one list of commands: the window's bindings are generated from it, and Tauri takes its handler from it.
fn bindings() -> Builder<tauri::Wry> {
    Builder::new()
        .disable_serde_phases()
        .error_handling(ErrorHandlingMode::Throw)
        .commands(collect_commands![
            commands::subscribe,
            commands::start_practice,
            commands::check_server,
            commands::add_server,
            commands::forget_server,
            commands::request_sign_in,
            commands::finish_sign_in,
            commands::sign_out,
            commands::connect,
            commands::leave,
            commands::retry_now,
            commands::refresh_lobby,
            commands::join_league,
            commands::open_auction,
            commands::close_auction,
            commands::check_bid,
            commands::place_bid,
            commands::commission,
            commands::save_settings,
            commands::feed_raw,
            commands::copy_text,
            commands::run_diagnosis,
            commands::cancel_diagnosis,
            commands::preview_report,
            commands::save_report,
            commands::list_reports,
            commands::compare_report,
            commands::list_recordings,
            commands::open_recording,
            commands::recording_lines,
            commands::recording_at,
            commands::close_recording,
        ])
}

/// Opens the window and returns when it is closed.
pub fn run() -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_from_env("GAVELSCOPE_LOG").unwrap_or_else(|_| EnvFilter::new("warn,gavelscope=info"));
    // A second subscriber is no reason to stop.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    #[cfg(target_os = "linux")]
    anyhow::ensure!(
        std::env::var_os("DISPLAY").is_some() || std::env::var_os("WAYLAND_DISPLAY").is_some(),
        "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). Start it from a desktop session, or try \
         `cargo xtask run --headless` to see it in a virtual one"
    );
    let bindings = bindings();
    tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            if let Some(window) = app.get_webview_window("main") {
                // Either it comes to the front or it does not; there is nothing to be done about it here.
                let _ = window.unminimize().and_then(|()| window.set_focus());
            }
        }))
        .plugin(tauri_plugin_window_state::Builder::new().build())
        .plugin(tauri_plugin_clipboard_manager::init())
        .invoke_handler(bindings.invoke_handler())
        .setup(|app| {
            let folder = app.path().app_config_dir().context("the folder for settings")?;
            let data = app.path().app_data_dir().context("the folder for data")?;
            app.manage(Arc::new(Desk::open(&folder, &data)));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the webview could not be started")?
        .run(|app, event| {
            if matches!(event, tauri::RunEvent::Exit) {
                let desk = Arc::clone(&app.state::<Arc<Desk>>());
                tauri::async_runtime::block_on(async move { desk.end_diagnosis().await });
            }
        });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the window's bindings are kept, generated and committed (design, rule 8).
    const BINDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/src/lib/platform/bindings.ts");

    #[test]
    fn bindings_are_what_the_commands_say() {
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("bindings.ts");
        bindings()
            .export(specta_typescript::Typescript::default(), &fresh)
            .unwrap();
        let fresh = std::fs::read_to_string(fresh).unwrap();
        if std::env::var_os("GAVELSCOPE_WRITE_BINDINGS").is_some() {
            std::fs::write(BINDINGS, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(BINDINGS).unwrap_or_default();
        assert!(
            committed == fresh,
            "ui/src/lib/platform/bindings.ts is out of date: run `cargo xtask bindings`"
        );
    }
}
