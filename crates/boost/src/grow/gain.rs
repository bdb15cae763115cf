//! What a node is worth: XGBoost's regularised gain.

/// What keeps weights small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Penalties {
    pub(crate) lambda: f64,
    pub(crate) alpha: f64,
    /// 0: no bound.
    pub(crate) max_delta_step: f64,
    pub(crate) min_child_weight: f64,
    pub(crate) max_cat_to_onehot: usize,
    pub(crate) max_cat_threshold: usize,
}

impl Penalties {
    /// The weight of a leaf that lowers the loss most.
    #[inline]
    pub(crate) fn weight(&self, g: f64, h: f64) -> f64 {
        if h <= 0.0 {
            return 0.0;
        }
        let weight = -self.soft(g) / (h + self.lambda);
        if self.max_delta_step > 0.0 {
            weight.clamp(-self.max_delta_step, self.max_delta_step)
        } else {
            weight
        }
    }

    /// Twice what a leaf of that weight lowers the loss by.
    #[inline]
    pub(crate) fn gain_of(&self, g: f64, h: f64, weight: f64) -> f64 {
        -(2.0 * g * weight + (h + self.lambda) * weight * weight + 2.0 * self.alpha * weight.abs())
    }

    /// Whether both sides have enough.
    #[inline]
    pub(crate) fn allows(&self, left_h: f64, right_h: f64) -> bool {
        left_h > 0.0 && right_h > 0.0 && left_h >= self.min_child_weight && right_h >= self.min_child_weight
    }

    #[inline]
    fn soft(&self, g: f64) -> f64 {
        if g > self.alpha {
            g - self.alpha
        } else if g < -self.alpha {
            g + self.alpha
        } else {
            0.0
        }
    }

    /// Twice what the best leaf lowers the loss by.
    #[inline]
    pub(crate) fn gain(&self, g: f64, h: f64) -> f64 {
        if h <= 0.0 {
            return 0.0;
        }
        if self.max_delta_step > 0.0 {
            return self.gain_of(g, h, self.weight(g, h));
        }
        let g = self.soft(g);
        g * g / (h + self.lambda)
    }
}
