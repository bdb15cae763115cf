//! Rules as text, for command lines.

use std::str::FromStr;

use super::rule::{Fault, Rule, When};

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let options: Vec<_> = rest
            .split(',')
            .filter(|option| !option.is_empty())
            .map(|option| option.split_once('=').unwrap_or((option, "")))
            .collect();
        let known = |key: &str| own_option(name) == Some(key) || COMMON.contains(&key);
        if let Some((key, _)) = options.iter().find(|(key, _)| !known(key)) {
            return Err(format!("`{name}` has no option `{key}`"));
        }
        let mut rule = Self::new(fault(name, &options)?);
        if let Some(when) = when(&options)? {
            rule = rule.when(when);
        }
        for (key, value) in &options {
            rule = match *key {
                "op" => {
                    let operations: Result<Vec<_>, _> = value.split('+').map(str::parse).collect();
                    rule.only(&operations?)
                }
                "key" => rule.key(value),
                "per-key" => rule.per_key(),
                "times" => rule.times(number(key, value)?),
                _ => rule,
            };
        }
        Ok(rule)
    }
}

const COMMON: &[&str] = &["every", "from", "nth", "one-in", "seed", "op", "key", "per-key", "times"];

/// The option that only this fault has.
fn own_option(name: &str) -> Option<&'static str> {
    match name {
        "slow-down" | "too-many-requests" => Some("retry-after"),
        "cut-body" => Some("after"),
        "short-body" => Some("missing"),
        "drip" => Some("bytes-per-s"),
        "flip-sent" | "flip-stored" => Some("bit"),
        "list-lag" => Some("requests"),
        _ => None,
    }
}

fn fault(name: &str, options: &[(&str, &str)]) -> Result<Fault, String> {
    let own = || {
        let key = own_option(name).unwrap_or_default();
        value(options, key)?.ok_or_else(|| format!("`{name}` needs `{key}=N`"))
    };
    let retry_after = || -> Result<u32, String> {
        let seconds = value(options, "retry-after")?.unwrap_or_default();
        u32::try_from(seconds).map_err(|_| format!("`retry-after={seconds}` is too long"))
    };
    Ok(match name {
        "slow-down" => Fault::SlowDown { retry_after_s: retry_after()? },
        "too-many-requests" => Fault::TooManyRequests { retry_after_s: retry_after()? },
        "internal-error" => Fault::InternalError,
        "expired-token" => Fault::ExpiredToken,
        "error-inside-200" => Fault::ErrorInside200,
        "lost-answer" => Fault::LostAnswer,
        "cut-body" => Fault::CutBody { after: own()? },
        "short-body" => Fault::ShortBody { missing: own()? },
        "drip" => Fault::Drip { bytes_per_s: own()? },
        "flip-sent" => Fault::FlipSent { bit: own()? },
        "flip-stored" => Fault::FlipStored { bit: own()? },
        "replace" => Fault::Replace,
        "list-lag" => Fault::ListLag { requests: own()? },
        _ => return Err(format!("`{name}` is no fault")),
    })
}

fn when(options: &[(&str, &str)]) -> Result<Option<When>, String> {
    let seed = value(options, "seed")?.unwrap_or_default();
    let all = [
        value(options, "every")?.map(When::Every),
        value(options, "from")?.map(When::From),
        value(options, "nth")?.map(When::Nth),
        value(options, "one-in")?.map(|one_in| When::Chance { one_in, seed }),
    ];
    let mut given = all.into_iter().flatten();
    match (given.next(), given.next()) {
        (when, None) => Ok(when),
        _ => Err("`every`, `from`, `nth` and `one-in` exclude each other".to_owned()),
    }
}

fn value(options: &[(&str, &str)], name: &str) -> Result<Option<u64>, String> {
    options.iter().find(|(key, _)| *key == name).map(|(key, value)| number(key, value)).transpose()
}

fn number(key: &str, value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("`{key}={value}`: not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Operation;

    #[test]
    fn rules_are_read() {
        let slow: Rule = "slow-down:every=7,retry-after=1,op=PutObject+UploadPart".parse().unwrap();
        let expected = Rule::new(Fault::SlowDown { retry_after_s: 1 })
            .when(When::Every(7))
            .only(&[Operation::PutObject, Operation::UploadPart]);
        assert_eq!(slow, expected);
        let replace: Rule = "replace:nth=3,per-key,key=a/,times=2".parse().unwrap();
        let expected = Rule::new(Fault::Replace).when(When::Nth(3)).per_key().key("a/").times(2);
        assert_eq!(replace, expected);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("slow", "`slow` is no fault"),
            ("cut-body", "needs `after=N`"),
            ("cut-body:after=x", "not a whole number"),
            ("cut-body:bit=1", "has no option `bit`"),
            ("replace:every=1,nth=2", "exclude each other"),
            ("replace:op=Get", "`Get` is no operation"),
        ] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
