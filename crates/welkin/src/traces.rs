//! Traces of runs, for whoever collects them: sent where this is built in and a collector is named.

use crate::settings::Settings;
use std::sync::Arc;
use welkin_broker::{Broker, Observer};
use welkin_server::Figure;

/// Who is told that a collector does not answer.
pub(crate) type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Has what a broker does sent.
#[cfg(feature = "otlp")]
pub(crate) struct Tracing {
    traces: Arc<welkin_otlp::Traces>,
    options: Option<welkin_otlp::Options>,
    observer: Arc<dyn Observer>,
    tell: Tell,
}

#[cfg(feature = "otlp")]
impl Tracing {
    /// Of a broker with this observer. What the environment says wrong is told, and keeps nothing from going on.
    pub(crate) fn over(observer: Arc<dyn Observer>, settings: &Settings, tell: Tell) -> Self {
        let options = settings.otlp.clone().unwrap_or_else(|error| {
            tell(&format!("no traces are sent: {error}"));
            None
        });
        if let Some(remark) = options.as_ref().and_then(welkin_otlp::Options::remark) {
            tell(remark);
        }
        let traces = Arc::new(welkin_otlp::Traces::over(Arc::clone(&observer)));
        Self { traces, options, observer, tell }
    }

    /// The observer to open the broker with.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        match &self.options {
            Some(_) => Arc::<welkin_otlp::Traces>::clone(&self.traces),
            None => Arc::clone(&self.observer),
        }
    }

    /// Begins, once the broker is open.
    pub(crate) fn begin(&self, broker: &Broker) -> anyhow::Result<()> {
        use anyhow::Context as _;
        let Some(options) = &self.options else { return Ok(()) };
        let reader = broker.reader().map_err(crate::engine::store_fault)?;
        self.traces.begin(reader, options.clone(), Arc::clone(&self.tell)).context("starting a thread")
    }

    /// Whether traces are sent.
    pub(crate) fn is_on(&self) -> bool {
        self.options.is_some()
    }

    /// What became of them.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        if !self.is_on() {
            return Vec::new();
        }
        let counts = self.traces.counts();
        let figure = |name, kind, help, value| Figure { name, kind, help, value };
        vec![
            figure("welkin_spans_sent_total", "counter", "Spans that the collector took.", counts.sent),
            figure(
                "welkin_spans_dropped_total",
                "counter",
                "Spans that the collector refused, or did not answer for.",
                counts.dropped,
            ),
            figure(
                "welkin_spans_left_out_records_total",
                "counter",
                "Records of which no spans were made: too many runs waited, or they could not be read.",
                counts.left_out,
            ),
            figure(
                "welkin_spans_waiting_runs",
                "gauge",
                "Runs of which spans are to be sent.",
                counts.waiting,
            ),
        ]
    }

    /// Waits a little for what was not sent yet.
    pub(crate) fn finish(&self) {
        if self.is_on() {
            self.traces.finish();
        }
    }
}

/// Whether the environment of this program names a collector.
#[cfg(feature = "otlp")]
pub(crate) fn are_collected(settings: &Settings) -> bool {
    matches!(settings.otlp, Ok(Some(_)))
}

/// Nothing is sent by this build.
#[cfg(not(feature = "otlp"))]
pub(crate) struct Tracing(Arc<dyn Observer>);

#[cfg(not(feature = "otlp"))]
impl Tracing {
    pub(crate) fn over(observer: Arc<dyn Observer>, _: &Settings, _: Tell) -> Self {
        Self(observer)
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.0)
    }

    pub(crate) fn begin(&self, _: &Broker) -> anyhow::Result<()> {
        Ok(())
    }

    pub(crate) fn is_on(&self) -> bool {
        false
    }

    pub(crate) fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }

    pub(crate) fn finish(&self) {}
}

#[cfg(not(feature = "otlp"))]
pub(crate) fn are_collected(_: &Settings) -> bool {
    false
}
