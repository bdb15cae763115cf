//! What time it is to lists of who may come in.
//!
//! A broker takes the time of its start and what the machine has counted since, or the wall clock, whichever is later: setting
//! the clock back while it serves prolongs nothing.

use std::sync::Arc;
use welkin_broker::{Clocks, Reading};
use welkin_provider::UnixMillis;
use welkin_units::Span;

/// See the head of the module.
#[derive(Debug)]
pub(crate) struct Time {
    clocks: Arc<dyn Clocks>,
    began: Reading,
}

impl Time {
    /// By these clocks, from now on.
    pub(crate) fn of(clocks: Arc<dyn Clocks>) -> Self {
        let began = clocks.read();
        Self { clocks, began }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        let now = self.clocks.read();
        let gone = now.uptime.millis().saturating_sub(self.began.uptime.millis());
        self.began.wall.after(Span::from_millis(gone)).max(now.wall)
    }
}
