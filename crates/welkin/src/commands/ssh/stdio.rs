//! `welkin ssh --stdio`: what `ssh` starts to reach a machine. Standard output is the machine's alone.

use crate::apart;
use crate::app::App;
use crate::clusters::expect;
use crate::engine::runtime;
use crate::exit::Exit;
use crate::logins::{Logins, Target};
use crate::report::{Code, Fault};
use welkin_api::carry::Over;

pub(super) fn run(target: &Target, user: Option<&str>, app: &App) -> anyhow::Result<Exit> {
    let (reader, run) = expect(&app.sky, &target.cluster)?;
    let logins = Logins::of(&app.settings);
    let key = logins.public_key()?;
    let runtime = runtime()?;
    let login = runtime.block_on(async {
        let reached = apart::reach(app).await?;
        reached.client.login(&run, target.rank, &key).await.map_err(apart::fault)
    })?;
    // Before the first byte of the machine: ssh looks for its key when that has come.
    let host = logins.meet(target, &run, &login.door)?;
    if user.is_some_and(|user| user != host.user) {
        super::hosts::refresh(&logins, Some(&reader))?;
        let words = format!("the account on the machines of {} is {} now", target.cluster, host.user);
        return Err(Fault::new(Code::Login, words).hint("log in again: that is noted now").into());
    }
    let over = runtime.block_on(login.carry(tokio::io::stdin(), tokio::io::stdout()));
    // Reading standard input is a thread that cannot be ended.
    runtime.shutdown_background();
    match over {
        Over::Ended => Ok(Exit::Success),
        Over::Failed(why) => Err(Fault::new(Code::Login, format!("the login is over: {why}")).into()),
        _ => {
            let fault =
                Fault::new(Code::Login, "the login is over: the broker is gone, or cannot be reached");
            Err(fault.hint("the cluster goes on, and the next command starts a broker: log in again").into())
        }
    }
}
