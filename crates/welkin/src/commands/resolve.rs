//! `welkin resolve`: what a name, selector or native id means, and which offers it matches.

use crate::app::App;
use crate::cli::ResolveArgs;
use crate::exit::Exit;
use crate::output::{Format, OfferWire, counted, offer_table, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_catalog::{Catalog, Filter, OfferId};
use welkin_name::native::{from_native, to_native};
use welkin_name::{Name, ParseError, Selector};

/// What the text is.
enum Meaning {
    Name(Name),
    Selector(Box<Selector>),
}

#[derive(Serialize)]
struct Wire<'a> {
    /// `name` or `selector`.
    r#type: &'static str,
    canonical: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Parts>,
    /// The provider's own id, where it has one for such an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<String>,
    matching: usize,
    offers: Vec<OfferWire<'a>>,
}

#[derive(Serialize)]
struct Parts {
    provider: String,
    location: String,
    kind: String,
    offering: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    instance: Option<String>,
}

pub(crate) fn run(args: &ResolveArgs, app: &mut App) -> anyhow::Result<Exit> {
    let meaning = read(&args.name)?;
    let catalog = app.catalog()?;
    let mut ids = matches(&meaning, &catalog);
    let matching = ids.len();
    catalog.sort_by_price(&mut ids, welkin_catalog::Market::Any);
    if args.limit > 0 {
        ids.truncate(args.limit);
    }
    let wire = wire(&meaning, &catalog, &ids, matching);
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.resolved/1", &wire)?;
        return Ok(Exit::Success);
    }
    show(&wire, app)?;
    if matching == 0 {
        let why = match &meaning {
            Meaning::Name(name) if name.offering() == "-" => "the id does not tell which offering it is",
            _ => "no offer of the catalog matches",
        };
        writeln!(app.out, "\n{why}")?;
    } else {
        writeln!(app.out, "\n{} of the catalog:", counted(matching, "matching offer"))?;
        offer_table(&catalog, &ids).write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// A name before a selector before a native id: every name is a selector too, and native ids begin
/// in ways that neither does.
fn read(text: &str) -> anyhow::Result<Meaning> {
    let error = match Name::parse(text) {
        Ok(name) => return Ok(Meaning::Name(name)),
        Err(error) => error,
    };
    let is_native = text.contains("://")
        || text.starts_with('/')
        || text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:"))
        || text.contains("/api/")
        || text.contains("/apis/");
    if is_native {
        return from_native(text).map(Meaning::Name).map_err(|error| {
            let fault = Fault::new(Code::Name, format!("`{text}` is not an id that is known here"));
            anyhow::Error::new(error).context(fault)
        });
    }
    // A full name with a mistake is a mistake, not a pattern; the short form is always a pattern.
    let full = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sky:"));
    Selector::parse(text).map(|selector| Meaning::Selector(Box::new(selector))).map_err(|second| {
        let error = if full && !text.contains(['*', '{', '!']) { error } else { second };
        invalid(text, &error).into()
    })
}

fn invalid(text: &str, error: &ParseError) -> Fault {
    let fault = Fault::new(Code::Name, format!("`{text}` is not a name: {error}"));
    match error.suggestion() {
        Some(suggestion) => fault.hint(format!("did you mean `{suggestion}`?")),
        None => fault.hint("a name reads `sky:provider/location/kind/offering`"),
    }
}

fn matches(meaning: &Meaning, catalog: &Catalog<'_>) -> Vec<OfferId> {
    let (filter, selector) = match meaning {
        Meaning::Name(name) => match offering(name) {
            Some(selector) => (narrow(name), selector),
            None => return Vec::new(),
        },
        Meaning::Selector(selector) => (narrow_to(selector), (**selector).clone()),
    };
    let filter = Filter { include_undersized: true, ..filter };
    let ids = catalog.select(&filter).ids.into_iter();
    ids.filter(|id| catalog.offer(*id).names().any(|name| selector.matches(&name))).collect()
}

/// What a name says about the offering: not whose instance of it. `None` when it does not tell which
/// offering, as names made of native ids do not.
fn offering(name: &Name) -> Option<Selector> {
    let offering = name.offering();
    if offering == "-" {
        return None;
    }
    let builder =
        Name::builder(name.provider(), name.kind_path(), &offering).location(name.location().as_str());
    let quals = name.qualifiers().filter(|(key, _)| matches!(*key, "hw" | "tee" | "tier"));
    let builder = quals.fold(builder, |builder, (key, value)| builder.qualifier(key, &value));
    builder.build().ok().as_ref().map(Selector::from)
}

/// The columns decide first: building 91,000 names would take longer than all the rest.
fn narrow(name: &Name) -> Filter {
    Filter {
        providers: vec![name.provider().to_owned()],
        region: name.location().region().map(str::to_owned),
        instance_type: Some(name.offering().into_owned()),
        include_restricted: true,
        ..Filter::default()
    }
}

/// The same for a selector: what its provider and region say that a column can decide.
fn narrow_to(selector: &Selector) -> Filter {
    let mut filter = Filter { include_restricted: true, ..Filter::default() };
    if selector.excludes() {
        return filter;
    }
    let text = selector.as_str().trim_start_matches("sky:");
    let mut parts = text.split(['?', '#', '@']).next().unwrap_or_default().split('/');
    // Alternatives and exclusions are left to the selector itself.
    let mut plain = || parts.next().filter(|part| !part.contains(['{', '!']));
    if let Some(provider) = plain().filter(|provider| !provider.contains('*')) {
        filter.providers.push(provider.to_owned());
    }
    filter.region = plain().and_then(|location| location.split(':').next()).map(str::to_owned);
    filter
}

fn wire<'a>(meaning: &'a Meaning, catalog: &Catalog<'a>, ids: &[OfferId], matching: usize) -> Wire<'a> {
    let offers = ids.iter().map(|id| OfferWire::new(catalog, *id)).collect();
    match meaning {
        Meaning::Selector(selector) => Wire {
            r#type: "selector",
            canonical: selector.as_str(),
            parts: None,
            native: None,
            matching,
            offers,
        },
        Meaning::Name(name) => Wire {
            r#type: "name",
            canonical: name.as_str(),
            parts: Some(Parts {
                provider: name.provider().to_owned(),
                location: name.location().to_string(),
                kind: name.kind_path().to_owned(),
                offering: name.offering().into_owned(),
                version: name.version().map(Into::into),
                qualifiers: name
                    .qualifiers()
                    .map(|(key, value)| (key.to_owned(), value.into_owned()))
                    .collect(),
                instance: name.instance().map(Into::into),
            }),
            native: to_native(name).ok(),
            matching,
            offers,
        },
    }
}

fn show(wire: &Wire<'_>, app: &mut App) -> anyhow::Result<()> {
    let mut line = |key: &str, value: &str| writeln!(app.out, "{key:<12}{value}");
    line(wire.r#type, wire.canonical)?;
    if let Some(parts) = &wire.parts {
        line("provider", &parts.provider)?;
        line("location", &parts.location)?;
        line("kind", &parts.kind)?;
        line("offering", &parts.offering)?;
        if let Some(version) = &parts.version {
            line("version", version)?;
        }
        for (key, value) in &parts.qualifiers {
            line(key, value)?;
        }
        if let Some(instance) = &parts.instance {
            line("instance", instance)?;
        }
    }
    if let Some(native) = &wire.native {
        line("native id", native)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_catalog::{AlignedBytes, starter};

    #[test]
    fn narrowing_loses_nothing() {
        let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        for text in [
            "aws",
            "aws/us-east-1/us-east-1a",
            "sky:*/us-*/vm/*?hw=nvidia-h100*",
            "sky:{aws,gcp}/{us,eu}*/vm",
            "sky:!azure/!us-*",
            "!sky:aws",
            "sky:gcp/*/tpu/*?tier=spot",
        ] {
            let selector = Selector::parse(text).unwrap();
            let all = catalog.offers().filter(|offer| offer.names().any(|name| selector.matches(&name)));
            let all: Vec<OfferId> = all.map(|offer| offer.id).collect();
            assert!(!all.is_empty(), "{text}");
            assert_eq!(matches(&Meaning::Selector(Box::new(selector)), &catalog), all, "{text}");
        }
    }
}
