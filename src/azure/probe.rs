//! The scripts we run inside machines, and what came back from them.

use serde::Deserialize;

use crate::domain::{Safe, operation::Probe};

use super::lenient::{Lax, List};

/// Lines of a probe's script, as the body of a run command carries them.
pub(super) fn script(probe: Probe) -> Vec<&'static str> {
    let text = match probe {
        Probe::Fslogix => include_str!("probes/fslogix.ps1"),
        Probe::DomainController => include_str!("probes/domain_controller.ps1"),
    };
    text.lines().collect()
}

/// What a finished run command left: one text per stream.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct Streams {
    value: List<Stream>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Stream {
    code: Lax<String>,
    message: Lax<String>,
}

impl Streams {
    /// The last line of the standard output that holds something: our probes print one.
    pub(super) fn output(&self) -> Option<Safe> {
        let out = self.value.0.iter().find(|stream| {
            stream.code.0.as_ref().is_some_and(|code| code.to_ascii_lowercase().contains("/stdout/"))
        })?;
        let text = out.message.0.as_deref()?;
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(Safe::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::lenient;

    #[test]
    fn the_last_line_of_stdout_is_the_output() {
        let check = |json: &str, expected: Option<&str>| {
            let streams: Streams = lenient::from_slice(json.as_bytes()).unwrap();
            assert_eq!(streams.output().as_ref().map(Safe::as_str), expected, "{json}");
        };
        check(
            r#"{"value":[{"code":"ComponentStatus/StdErr/succeeded","message":"x"},
                {"code":"ComponentStatus/StdOut/succeeded","message":"noise\r\n{\"a\":1}\r\n\r\n"}]}"#,
            Some(r#"{"a":1}"#),
        );
        check(r#"{"value":[{"code":"ComponentStatus/StdOut/succeeded","message":""}]}"#, None);
        check(r#"{"value":null}"#, None);
        check("{}", None);
    }

    #[test]
    fn scripts_are_plain_lines_and_print_one_report() {
        for probe in [Probe::Fslogix, Probe::DomainController] {
            let lines = script(probe);
            assert!(lines.iter().all(|line| line.is_ascii() && !line.contains('\r')), "{probe:?}");
            assert_eq!(lines.iter().filter(|line| line.starts_with("Write-Output")).count(), 1, "{probe:?}");
        }
    }
}
