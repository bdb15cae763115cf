//! What every command is given: settings, and where output goes.

use crate::cli::Global;
use crate::output::{Foreign, Format, Style, err_line, shown_lines, write_line};
use crate::settings::Settings;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal};
use welkin_catalog::Catalog;
use welkin_sky::{Sky, SkyOptions};

/// The surroundings of a command.
pub(crate) struct App {
    pub(crate) settings: Settings,
    /// Data goes here, and nothing else does.
    pub(crate) out: BufWriter<io::Stdout>,
    /// How standard output is styled.
    pub(crate) style: Style,
    /// How standard error is styled.
    pub(crate) err: Style,
    /// What is done, apart from what is said of it.
    pub(crate) sky: Sky,
}

impl App {
    /// `own` says that it does not matter who is logged in.
    pub(crate) fn new(global: &Global, own: bool) -> anyhow::Result<Self> {
        let settings = Settings::resolve(global, own)?;
        let records = crate::apart::records(&settings)?;
        Ok(Self {
            style: Style::for_stream(settings.color, io::stdout().is_terminal()),
            err: Style::for_stream(settings.color, io::stderr().is_terminal()),
            out: BufWriter::new(io::stdout()),
            sky: Sky::open(SkyOptions { records, ..settings.sky_options() })?,
            settings,
        })
    }

    /// For work that somebody else's settings lead to, and that shows nothing.
    pub(crate) fn of(settings: Settings, sky: Sky) -> Self {
        Self { style: Style::PLAIN, err: Style::PLAIN, out: BufWriter::new(io::stdout()), sky, settings }
    }

    /// The catalog, opened by the first who asks.
    pub(crate) fn catalog(&self) -> anyhow::Result<Catalog<'static>> {
        Ok(self.sky.catalog()?)
    }

    /// How words of others are written to standard output.
    pub(crate) fn foreign(&self) -> Foreign {
        Foreign::for_stream(self.settings.color, io::stdout().is_terminal())
    }

    /// Tells people something that is not data; programs find what they need in documents. Names of
    /// others in it are spelt, so that no terminal obeys them.
    pub(crate) fn note(&self, text: &str) {
        if self.settings.output == Format::Table {
            err_line(&shown_lines(text));
        }
    }

    /// Tells the user about something that deserves a look.
    pub(crate) fn warn(&self, text: &str) {
        match self.settings.output {
            Format::Json => self.remark(text),
            Format::Table => {
                err_line(&format!("{}: {}", self.err.yellow("warning"), shown_lines(text)));
            }
        }
    }

    /// A warning that is complete with its place.
    pub(crate) fn remark(&self, message: &str) {
        match self.settings.output {
            // Nobody to tell is no reason to stop.
            Format::Json => drop(write_line(&mut io::stderr(), "welkin.warning/1", &Warning { message })),
            Format::Table => self.note(message),
        }
    }
}

#[derive(Serialize)]
struct Warning<'a> {
    message: &'a str,
}
