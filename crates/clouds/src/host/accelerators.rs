//! Accelerators of this machine, as the tools of their makers tell.
//!
//! A host without the tool, or whose driver is out of order, has none to offer.

use crate::remote::{Gpu, Vendor};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use welkin_units::Bytes;

/// A driver that takes longer is out of order: on a sound machine of eight devices the tools take a second.
const WITHIN: Duration = Duration::from_secs(10);

/// Most text that is read of a tool: 64 devices take some kilobytes.
const MOST_TEXT: u64 = 1 << 20;

/// Looks for accelerators of every maker.
pub(super) fn detect() -> Vec<Gpu> {
    let nvidia =
        said("nvidia-smi", &["--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]);
    let amd = said("rocm-smi", &["--showproductname", "--showmeminfo", "vram", "--json"]);
    let nvidia = nvidia.map(|text| from_nvidia(&text)).unwrap_or_default();
    let amd = amd.map(|text| from_amd(&text)).unwrap_or_default();
    nvidia.into_iter().chain(amd).collect()
}

/// What a tool says; `None` when it is not there, fails or hangs.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.take(MOST_TEXT).read_to_string(&mut text).ok().map(|_| text)
    });
    let until = Instant::now() + WITHIN;
    while !reader.is_finished() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    if !reader.is_finished() {
        // Its end closes the pipe, and the reader with it.
        let _ = child.kill();
    }
    let text = reader.join().ok().flatten();
    child.wait().ok()?.success().then_some(text).flatten()
}

/// Lines of `index, name, MiB`.
pub(crate) fn from_nvidia(text: &str) -> Vec<Gpu> {
    let line = |line: &str| {
        let mut fields = line.split(',').map(str::trim);
        let index = fields.next()?.parse().ok()?;
        let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
        let memory = fields.next().and_then(|mebibytes| mebibytes.parse::<u64>().ok()?.checked_mul(1 << 20));
        Some(Gpu { index, vendor: Vendor::Nvidia, name, memory: Bytes::new(memory.unwrap_or(0)) })
    };
    text.lines().filter_map(line).collect()
}

/// An object with an entry `card0`, `card1`, … of text fields, whose names differ between versions.
pub(crate) fn from_amd(text: &str) -> Vec<Gpu> {
    let Ok(serde_json::Value::Object(cards)) = serde_json::from_str(text) else { return Vec::new() };
    let card = |(key, fields): (&String, &serde_json::Value)| {
        let field = |names: [&str; 2]| {
            names.iter().find_map(|name| fields.get(name)?.as_str()).map(str::trim).map(str::to_owned)
        };
        let index = key.strip_prefix("card")?.parse().ok()?;
        let name = field(["Card Series", "Card series"]).or_else(|| field(["Card Model", "Card model"]))?;
        let memory = field(["VRAM Total Memory (B)", "vram Total Memory (B)"]);
        let memory = memory.and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
        Some(Gpu { index, vendor: Vendor::Amd, name, memory: Bytes::new(memory) })
    };
    let mut gpus: Vec<Gpu> = cards.iter().filter_map(card).collect();
    gpus.sort_by_key(|gpu| gpu.index);
    gpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nvidia_says() {
        let gpus =
            from_nvidia("0, NVIDIA A100-SXM4-80GB, 81920\n1, NVIDIA A100-SXM4-80GB, 81920\nnoise\n, x, 1\n");
        assert_eq!(gpus.iter().map(|gpu| gpu.index).collect::<Vec<_>>(), [0, 1]);
        assert_eq!((gpus[1].name.as_str(), gpus[1].memory), ("NVIDIA A100-SXM4-80GB", Bytes::from_gib(80)));
        assert!(from_nvidia("No devices were found").is_empty());
    }

    #[test]
    fn what_amd_says() {
        let text = r#"{"card1": {"Card Series": "AMD Instinct MI300X", "VRAM Total Memory (B)": "206141652992"},
            "card0": {"Card series": "AMD Instinct MI300X"}, "system": {"Driver version": "6.8"}}"#;
        let gpus = from_amd(text);
        assert_eq!(
            gpus.iter().map(|gpu| (gpu.index, gpu.memory.get())).collect::<Vec<_>>(),
            [(0, 0), (1, 206_141_652_992)]
        );
        assert!(from_amd("ERROR: no driver").is_empty() && from_amd("[1]").is_empty());
    }

    #[test]
    fn a_tool_that_is_not_there_finds_nothing() {
        assert_eq!(said("no-such-tool-of-a-maker", &[]), None);
        assert_eq!(said("false", &[]), None);
        assert_eq!(said("echo", &["there"]).as_deref(), Some("there\n"));
    }
}
