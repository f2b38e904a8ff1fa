//! The dialog that arms.

use crate::{
    app::{App, OthersChanges, arming::left_text, dialog::ArmDialog},
    domain::{text::counted, time::time_text},
    engine::view::{ItemPhase, StepView},
};

use super::{dialogs::title, pen::Pen, sheet::Sheet, theme::Role};

/// Steps with confirmed changes that leave as soon as the cockpit is armed, and how many.
fn waiting_writes(app: &App) -> Vec<(String, usize)> {
    let steps = app.run_view().into_iter().flat_map(|view| &view.steps).filter(|step| !step.state.over());
    let left = |step: &StepView| step.items.iter().filter(|item| item.state == ItemPhase::Pending).count();
    steps.map(|step| (step.id.clone(), left(step))).filter(|(_, left)| *left > 0).collect()
}

pub(super) fn draw(app: &App, dialog: &ArmDialog, pen: &mut Pen<'_>) {
    let mut sheet = Sheet::over(app, title(app), Role::Title);
    sheet.words("arm: writes may be confirmed from now on", Role::Title);
    sheet.blank();
    sheet.pair("estate", app.estate.name.clone(), Role::Text);
    sheet.pair("as", app.identity.name.as_str(), Role::Text);
    sheet.pair("for", "60 min, or 15 min without a key while nothing runs", Role::Text);
    if let Some(left) = app.arming.left(app.moment.terminal) {
        sheet.pair("now", format!("already armed, {} left", left_text(left)), Role::Warn);
    }
    for (step, left) in waiting_writes(app) {
        let writes = counted(left, "write");
        sheet.pair("at once", format!("{step} goes on: {writes} confirmed before"), Role::Warn);
    }
    match app.others_changes() {
        OthersChanges::Asking => sheet.pair("others", "asking for assignment changes of 30 min …", Role::Dim),
        OthersChanges::Unknown(why) => sheet.pair("others", format!("not known: {why}"), Role::Warn),
        OthersChanges::Known(changes, error) => {
            if changes.is_empty() && error.is_none() {
                sheet.pair("others", "no assignment changes by others in 30 min", Role::Text);
            }
            if let Some(error) = error {
                sheet.pair("others", format!("not whole: {error}"), Role::Warn);
            }
            for change in changes.iter().take(4) {
                let text = format!("{} {} {}", time_text(change.at), change.caller, change.operation);
                sheet.pair("others", text, Role::Warn);
            }
            if changes.len() > 4 {
                sheet.pair("", format!("and {} more", changes.len() - 4), Role::Warn);
            }
        }
    }
    sheet.blank();
    sheet.remark(dialog.remark.as_ref());
    sheet.input("type the estate's name, tab, enter: ", dialog.typed.text());
    sheet.blank();
    let right = dialog.typed.trimmed() == app.estate.name;
    sheet.buttons(dialog.button, "Arm", if right { Role::Danger } else { Role::Dim });
    sheet.draw(pen);
}
