//! `runbook list`, `show`, `plan`, `lint`.

use std::fmt::Write;

use crate::{
    cli::{Cli, Mode as Asked, Plan as PlanArgs, Runbook as Verb, TextForm},
    domain::{Safe, time::span_text},
    engine::event::WorldKind,
    runbook::{self, Mode, Plan, Runbook, Targets, Ungraceful, plan::PlannedStep},
    runtime::{
        opening::{self, OpenError, Order},
        session::Session,
    },
};

use super::{VerbError, look, print};

/// Performs a runbook verb.
pub async fn perform(cli: &Cli, verb: &Verb) -> Result<u8, VerbError> {
    match verb {
        Verb::List => print(&list())?,
        Verb::Show { id } => print(&show(&find(id)?))?,
        Verb::Plan(args) => plan(cli, args).await?,
        Verb::Lint { file } => return lint(file),
    }
    Ok(0)
}

/// The runbook with this id, or the nearest one in the message.
pub fn find(id: &str) -> Result<Runbook, VerbError> {
    runbook::builtin(id).ok_or_else(|| VerbError::Open(OpenError::NoRunbook(Safe::new(id))))
}

/// The engine's word for a mode of the command line.
pub fn mode(asked: Asked) -> Mode {
    match asked {
        Asked::Graceful => Mode::Graceful,
        Asked::Ungraceful => Mode::Ungraceful,
    }
}

fn list() -> String {
    runbook::builtin_ids().filter_map(runbook::builtin).fold(String::new(), |mut text, runbook| {
        let steps: usize = runbook.phases.iter().map(|phase| phase.steps.len()).sum();
        let _ = writeln!(
            text,
            "{}  {}, {steps} steps in {} phases",
            runbook.id,
            runbook.title,
            runbook.phases.len()
        );
        text
    })
}

fn show(runbook: &Runbook) -> String {
    let mut text = format!("{}  {}\n", runbook.id, runbook.title);
    for phase in &runbook.phases {
        let _ = writeln!(text, "\n{}", phase.id);
        for step in &phase.steps {
            let kind = serde_json::to_value(step.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
            let _ = writeln!(
                text,
                "  {:<28} {:<9} confirm {}  usual {:<7} {}",
                step.id,
                kind.unwrap_or_default(),
                step.confirm,
                span_text(step.usual()),
                in_words(&step.title)
            );
            let _ = writeln!(text, "    {}", in_words(&step.why));
        }
        if phase.free_exit_ends {
            let _ = writeln!(
                text,
                "  -------- free exit ends here: nobody has noticed the run before it --------"
            );
        }
    }
    text
}

async fn plan(cli: &Cli, args: &PlanArgs) -> Result<(), VerbError> {
    let session = Session::open(&cli.global, Some("runbook plan"))?;
    let order = Order {
        runbook: args.id.clone(),
        service: look::service(&session, args.service.as_deref())?,
        mode: Some(mode(args.mode)),
        reason: Safe::default(),
        impact: None,
        moved_too: Vec::new(),
        left_holders: Vec::new(),
    };
    let plan = opening::plan(&session, &order).await?;
    match args.output {
        TextForm::Json => print(&plan_json(&plan, session.world())),
        TextForm::Text => print(&format!("{}{}", sim_word(session.world()), plan_text(&plan))),
    }
}

/// What simulated output begins with.
fn sim_word(world: WorldKind) -> &'static str {
    match world {
        WorldKind::Sim => "SIM ",
        WorldKind::Live => "",
    }
}

/// The plan with the world it was made in before it: its own `mode` is how the run goes.
fn plan_json(plan: &Plan, world: WorldKind) -> String {
    #[derive(serde::Serialize)]
    struct Said<'p> {
        world: &'static str,
        #[serde(flatten)]
        plan: &'p Plan,
    }
    let world = match world {
        WorldKind::Sim => "SIM",
        WorldKind::Live => "LIVE",
    };
    serde_json::to_string_pretty(&Said { world, plan }).unwrap_or_default()
}

fn plan_text(plan: &Plan) -> String {
    let mut text = format!(
        "{} {} {}: {} to {}\nplan {}\nusers with a session now: {}\n",
        plan.runbook,
        plan.service,
        plan.mode.word(),
        plan.codes[plan.from],
        plan.codes[plan.to],
        plan.hash(),
        plan.users.map_or_else(|| "not known".to_owned(), |users| users.to_string()),
    );
    for phase in &plan.phases {
        let _ = writeln!(text, "\n{}", phase.id);
        for step in plan.phase_steps(&phase.id) {
            write_step(&mut text, plan.mode, step);
        }
        if phase.free_exit_ends {
            let _ = writeln!(text, "  -------- free exit ends here --------");
        }
    }
    text
}

fn write_step(text: &mut String, mode: Mode, step: &PlannedStep) {
    let mode = match (mode, step.ungraceful) {
        (Mode::Graceful, _) | (_, Ungraceful::Same) => "",
        (_, Ungraceful::Skip) => ", does not apply",
        (_, Ungraceful::Defer) => ", put off: a debt",
        (_, Ungraceful::TryDefer) => ", tried once, else a debt",
    };
    let _ = writeln!(
        text,
        "  {:<28} {} (confirm {}, usual {}{mode})",
        step.id,
        step.title,
        step.confirm,
        span_text(step.usual)
    );
    match &step.targets {
        _ if mode == ", does not apply" => {}
        Targets::Nothing => {}
        Targets::Exact { writes } => {
            for write in writes {
                let _ = writeln!(text, "      {:<20} {}", write.key, write.what);
            }
        }
        Targets::Selector { what, now, bound } => {
            let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
            let _ = writeln!(text, "      {what}: {} now, {} at most", count(*now), count(*bound));
        }
    }
}

fn lint(file: &std::path::Path) -> Result<u8, VerbError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| VerbError::Usage(format!("could not read {}: {error}", file.display())))?;
    match runbook::text::parse(&text, true) {
        Ok(runbook) => {
            print(&format!("{}: no mistakes found", runbook.id))?;
            Ok(0)
        }
        Err(error) => {
            print(&error.to_string())?;
            Ok(1)
        }
    }
}

/// The text of a runbook that is bound to no estate: the regions have no names yet.
fn in_words(text: &str) -> String {
    text.replace("{from}", "the active side").replace("{to}", "the standby")
}
