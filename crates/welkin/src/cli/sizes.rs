//! Machines as flags say them, read by the rules of the job file, so that `--cpus 8+` means what
//! `cpus: 8+` means there.

use welkin_job::limits::MAX_NODES_PER_TASK;
use welkin_job::{Accelerator, Amount, Context, Resources, parse};

/// What takes the place of what the file says: a value, or `none` for no condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instead<T>(pub(crate) Option<T>);

/// `H100:8`, `L4`, `none`.
pub(crate) fn gpus(text: &str) -> Result<Instead<Accelerator>, String> {
    let wanted = "is not an accelerator such as `H100:8`, or `none`";
    instead("accelerators", text, wanted, |option| option.accelerator)
}

/// `8`, `8+`, `none`.
pub(crate) fn cpus(text: &str) -> Result<Instead<Amount>, String> {
    instead("cpus", text, "is not a number of vCPUs such as `8` or `8+`, or `none`", |option| option.cpus)
}

/// `32`, `32+`, `none`. A multiple of the vCPUs has no meaning by itself.
pub(crate) fn memory(text: &str) -> Result<Instead<Amount>, String> {
    let wanted = "is not an amount of memory in GiB such as `32` or `32+`, or `none`";
    instead("memory", text, wanted, |option| option.memory_gib)
}

/// From 1 to what a task may have.
pub(crate) fn nodes(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=MAX_NODES_PER_TASK).contains(count));
    count.ok_or_else(|| format!("`{text}` is not from 1 to {MAX_NODES_PER_TASK}"))
}

fn instead<T>(
    key: &str,
    text: &str,
    wanted: &str,
    of: impl FnOnce(Resources) -> Option<T>,
) -> Result<Instead<T>, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Instead(None));
    }
    let wrong = || format!("`{text}` {wanted}");
    // A text of JSON is one of YAML.
    let quoted = serde_json::Value::from(text);
    let file = format!("run: x\nresources: {{{key}: {quoted}}}\n");
    let parsed = parse(&file, &Context::new("flag")).map_err(|_| wrong())?;
    let options = parsed.job.tasks.into_iter().next().map(|task| task.options);
    let only = options.filter(|options| options.len() == 1).and_then(|mut options| options.pop());
    only.and_then(of).map(|value| Instead(Some(value))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_mean_what_the_file_means() {
        let amount = |said: Instead<Amount>| said.0.map(|amount| (amount.milli, amount.or_more));
        assert_eq!(cpus("8").map(amount), Ok(Some((8000, false))));
        assert_eq!(cpus("8+").map(amount), Ok(Some((8000, true))));
        assert_eq!(memory("32+").map(amount), Ok(Some((32000, true))));
        assert_eq!(cpus("None").map(amount), Ok(None));
        let device = gpus("H100:8").unwrap().0.unwrap();
        assert_eq!((device.name.as_str(), device.count_milli), ("H100", 8000));
        for text in ["", "-1", "many", "4x", "8}, run: {"] {
            assert!(cpus(text).is_err() && memory(text).is_err(), "{text}");
        }
        assert!(gpus("").is_err() && gpus("H100:0").is_err());
        assert!(nodes("0").is_err() && nodes("x").is_err() && nodes("3") == Ok(3));
    }
}
