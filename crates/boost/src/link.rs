//! How margins, which trees add up to, become predictions, and base scores become margins.

use crate::math::{exp, ln, sigmoid};

/// The ways, each of which several objectives share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// A prediction is a margin.
    Identity,
    /// A probability from the logarithm of odds.
    Logistic,
    /// A positive number from its logarithm.
    Exp,
    /// 1 for a positive margin, else 0.
    Sign,
    /// Probabilities of classes.
    Softmax,
    /// The class with the largest margin.
    Class,
}

/// What is said of a model trained for an objective, by XGBoost's names.
const OBJECTIVES: &[(&str, Link)] = &[
    ("reg:squarederror", Link::Identity),
    ("reg:squaredlogerror", Link::Identity),
    ("reg:pseudohubererror", Link::Identity),
    ("reg:absoluteerror", Link::Identity),
    ("reg:quantileerror", Link::Identity),
    ("reg:logistic", Link::Logistic),
    ("reg:gamma", Link::Exp),
    ("reg:tweedie", Link::Exp),
    ("binary:logistic", Link::Logistic),
    ("binary:logitraw", Link::Identity),
    ("binary:hinge", Link::Sign),
    ("count:poisson", Link::Exp),
    ("multi:softprob", Link::Softmax),
    ("multi:softmax", Link::Class),
    ("rank:ndcg", Link::Identity),
    ("rank:map", Link::Identity),
    ("rank:pairwise", Link::Identity),
    ("survival:cox", Link::Exp),
    ("survival:aft", Link::Exp),
];

/// Base scores are kept so far from 0 and 1 where they are probabilities.
const NEAREST: f32 = 1e-6;

impl Link {
    /// That of an objective, if it is known.
    #[must_use]
    pub fn of(objective: &str) -> Option<Self> {
        OBJECTIVES.iter().find(|(name, _)| *name == objective).map(|(_, link)| *link)
    }

    /// The margin of a base score; nothing where that has none.
    #[must_use]
    pub fn margin(self, score: f32) -> Option<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "margins have single precision")]
        let margin = match self {
            Self::Identity | Self::Sign | Self::Softmax | Self::Class => score,
            Self::Logistic if (0.0..=1.0).contains(&score) => {
                let odds = 1.0 / score.clamp(NEAREST, 1.0 - NEAREST) - 1.0;
                -ln(f64::from(odds)) as f32
            }
            Self::Exp if score > 0.0 => ln(f64::from(score)) as f32,
            Self::Logistic | Self::Exp => return None,
        };
        margin.is_finite().then_some(margin)
    }

    /// How many predictions a row has of so many margins.
    #[must_use]
    pub fn width(self, margins: usize) -> usize {
        if self == Self::Class { 1 } else { margins }
    }

    /// Turns the margins of one row into its predictions, which stand in the first [`Link::width`] of them.
    #[expect(clippy::cast_possible_truncation, reason = "predictions have single precision")]
    pub fn predict(self, margins: &mut [f32]) {
        let each = |margins: &mut [f32], link: fn(f64) -> f64| {
            margins.iter_mut().for_each(|margin| *margin = link(f64::from(*margin)) as f32);
        };
        match self {
            Self::Identity => {}
            Self::Logistic => each(margins, sigmoid),
            Self::Exp => each(margins, exp),
            Self::Sign => each(margins, |margin| f64::from(u8::from(margin > 0.0))),
            Self::Softmax => softmax(margins),
            Self::Class => {
                let first =
                    (0..margins.len()).reduce(|best, at| if margins[at] > margins[best] { at } else { best });
                #[expect(clippy::cast_precision_loss, reason = "there are few classes")]
                let class = first.unwrap_or(0) as f32;
                margins.iter_mut().take(1).for_each(|margin| *margin = class);
            }
        }
    }
}

/// Turns margins into probabilities.
#[expect(clippy::cast_possible_truncation, reason = "predictions have single precision")]
pub(crate) fn softmax(margins: &mut [f32]) {
    let largest = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |margin: f32| exp(f64::from(margin) - f64::from(largest));
    let sum: f64 = margins.iter().map(|margin| shifted(*margin)).sum();
    margins.iter_mut().for_each(|margin| *margin = (shifted(*margin) / sum) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_and_margins() {
        let predict = |link: Link, margins: &[f32]| {
            let mut margins = margins.to_vec();
            link.predict(&mut margins);
            margins.truncate(link.width(margins.len()));
            margins
        };
        assert_eq!(predict(Link::Identity, &[2.0]), [2.0]);
        assert_eq!(predict(Link::Logistic, &[0.0]), [0.5]);
        assert_eq!(predict(Link::Exp, &[0.0]), [1.0]);
        assert_eq!(predict(Link::Sign, &[0.5, -0.5]), [1.0, 0.0]);
        assert_eq!(predict(Link::Class, &[1.0, 3.0, 3.0]), [1.0]);
        let soft = predict(Link::Softmax, &[1000.0, 1000.0, -1000.0]);
        assert_eq!(soft, [0.5, 0.5, 0.0]);
        assert_eq!(Link::Logistic.margin(0.5), Some(0.0));
        assert!(Link::Logistic.margin(0.0).is_some_and(|margin| (-13.9..-13.7).contains(&margin)));
        assert_eq!(
            (Link::Logistic.margin(1.5), Link::Exp.margin(0.0), Link::Exp.margin(1.0)),
            (None, None, Some(0.0))
        );
    }
}
