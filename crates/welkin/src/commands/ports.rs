//! `welkin ports`: ports of a cluster on this machine.

use super::ssh::{become_ssh, command, ready};
use crate::app::App;
use crate::cli::PortsArgs;
use crate::engine::store_fault;
use crate::exit::Exit;
use crate::logins::{Host, Target};
use crate::output::{Align, Format, Table, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use welkin_broker::Reader;

/// Most ports at once: those of one range that somebody wrote with a digit too many are more.
const MAX_PORTS: usize = 100;

/// A port here and the one there that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Pair {
    here: u16,
    there: u16,
}

#[derive(Serialize)]
struct Wire<'a> {
    cluster: &'a str,
    node: u32,
    ports: &'a [Pair],
}

pub(crate) fn run(args: &PortsArgs, app: &mut App) -> anyhow::Result<Exit> {
    let wrong = |words| Fault::new(Code::Usage, words);
    let target = Target::parse(&args.cluster).map_err(wrong)?;
    let mut pairs = pairs(&args.ports).map_err(wrong)?;
    let (logins, host, reader) = ready(&target, app)?;
    if pairs.is_empty() {
        pairs = self::pairs(&named(&reader, &host)?).map_err(wrong)?;
    }
    if pairs.is_empty() {
        let words = format!("no port is given, and the job of cluster {} names none", target.cluster);
        return Err(wrong(words)
            .hint("`welkin ports CLUSTER 8888`, or `ports:` in the job's `resources`")
            .into());
    }
    show(&target, &pairs, app)?;
    let mut command = command(&logins, &host)?;
    command.args(["-N", "-o", "ExitOnForwardFailure=yes"]);
    for Pair { here, there } in &pairs {
        command.args(["-L", &format!("localhost:{here}:localhost:{there}")]);
    }
    Err(become_ssh(&mut command))
}

fn show(target: &Target, pairs: &[Pair], app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        let Target { cluster, rank } = target;
        write_json(&mut app.out, "welkin.ports/1", &Wire { cluster, node: *rank, ports: pairs })?;
    } else {
        let mut table = Table::new([("HERE", Align::Left), ("LEADS TO", Align::Left)]);
        for Pair { here, there } in pairs {
            table.row([format!("localhost:{here}"), format!("{target}:{there}")]);
        }
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    app.note("until this command is ended (Ctrl-C)");
    Ok(())
}

/// The ports that the job of the cluster names.
fn named(reader: &Reader, host: &Host) -> anyhow::Result<Vec<String>> {
    let plan = reader.plan(&host.run).map_err(store_fault)?;
    let options = plan.job.tasks.into_iter().flat_map(|task| task.options);
    Ok(options.map(|option| option.ports).find(|ports| !ports.is_empty()).unwrap_or_default())
}

/// `8888`, `8000-8010`, `3000:80`.
fn pairs(texts: &[String]) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    for text in texts {
        let wrong = || format!("`{text}` is no port: `8888`, `8000-8010`, or `HERE:THERE`");
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
        if let Some((here, there)) = text.split_once(':') {
            pairs.push(Pair { here: port(here)?, there: port(there)? });
            continue;
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first)?, port(last)?);
        if first > last {
            return Err(wrong());
        }
        pairs.extend((first..=last).take(MAX_PORTS + 1).map(|port| Pair { here: port, there: port }));
        if pairs.len() > MAX_PORTS {
            return Err(format!("more than {MAX_PORTS} ports at once"));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<(u16, u16)>, String> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        pairs(&texts).map(|pairs| pairs.into_iter().map(|pair| (pair.here, pair.there)).collect())
    }

    #[test]
    fn ports_are_read_as_people_write_them() {
        assert_eq!(
            read(&["8888", "3000:80", "70-72"]),
            Ok(vec![(8888, 8888), (3000, 80), (70, 70), (71, 71), (72, 72)])
        );
        assert_eq!(read(&[]), Ok(vec![]));
        for wrong in ["", "0", "65536", "x", "1:2:3", "9-1", "1:", "-L", "1-60000", "1 "] {
            assert!(read(&[wrong]).is_err(), "{wrong}");
        }
    }
}
