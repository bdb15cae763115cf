//! What fits into a place.

/// Limits of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest object in bytes.
    pub object_bytes: u64,
    /// Shortest part in bytes, but for the last.
    pub part_bytes_min: u64,
    /// Longest part in bytes.
    pub part_bytes_max: u64,
    /// Most parts of an object.
    pub parts: u32,
    /// Part length that suits the place when nothing else decides. A power of two.
    pub part_bytes_best: u64,
    /// Whether parts may arrive in any order and at the same time.
    pub parts_in_any_order: bool,
    /// Longest key in bytes.
    pub key_bytes: usize,
}

impl Limits {
    /// Length of the parts of an object of `size` bytes: the power of two from `wanted` up that fits.
    ///
    /// # Errors
    /// A sentence with the limit, when none fits.
    pub fn part_bytes(&self, size: u64, wanted: Option<u64>) -> Result<u64, String> {
        if size > self.object_bytes {
            let (size, most) = (Binary(size), Binary(self.object_bytes));
            return Err(format!("it has {size}, and the longest object there may have {most}"));
        }
        let least = size.div_ceil(u64::from(self.parts)).max(self.part_bytes_min).max(1024);
        let part = wanted.unwrap_or(self.part_bytes_best).max(least).next_power_of_two();
        // A place whose longest part is no power of two is used up to the power below.
        let most = if self.part_bytes_max.is_power_of_two() {
            self.part_bytes_max
        } else {
            self.part_bytes_max.next_power_of_two() / 2
        };
        if part > most && least > most {
            let (size, most) = (Binary(size), Binary(most));
            return Err(format!("it has {size}, which is more than {} parts of {most}", self.parts));
        }
        Ok(part.min(most))
    }
}

/// Longest stream that fits without anybody having said how long it is: more than nearly every one, in parts
/// that are still small. With S3's 10,000 parts this makes 16 MiB.
const STREAM_BYTES: u64 = 128 << 30;

impl Limits {
    /// Length of the parts of an object whose size nobody knows yet.
    #[must_use]
    pub fn stream_part_bytes(&self, wanted: Option<u64>) -> u64 {
        let wanted = wanted.or_else(|| {
            let least = STREAM_BYTES.min(self.object_bytes).div_ceil(u64::from(self.parts));
            Some(self.part_bytes_best.max(least))
        });
        self.part_bytes(0, wanted).unwrap_or(self.part_bytes_best)
    }
}

/// Bytes for people.
struct Binary(u64);

impl std::fmt::Display for Binary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 40 => write!(f, "{:.2} TiB", bytes as f64 / (1_u64 << 40) as f64),
            bytes if bytes >= 1 << 20 => write!(f, "{:.1} MiB", bytes as f64 / (1_u64 << 20) as f64),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: Limits = Limits {
        object_bytes: 5 << 40,
        part_bytes_min: 5 << 20,
        part_bytes_max: 5 << 30,
        parts: 10_000,
        part_bytes_best: 8 << 20,
        parts_in_any_order: true,
        key_bytes: 1024,
    };

    #[test]
    fn parts_are_powers_of_two_that_fit() {
        for (size, wanted, expected) in [
            (1, None, 8 << 20),
            (1 << 30, None, 8 << 20),
            (80 << 30, None, 16 << 20),
            (5 << 40, None, 1 << 30),
            (1 << 30, Some(1), 8 << 20),
            (1 << 30, Some(20 << 20), 32 << 20),
            (1 << 30, Some(1 << 40), 4 << 30),
        ] {
            let part = S3.part_bytes(size, wanted).unwrap();
            assert_eq!(part, expected, "{size} {wanted:?}");
            assert!(size.div_ceil(part) <= u64::from(S3.parts));
        }
    }

    #[test]
    fn parts_of_a_stream_leave_room() {
        assert_eq!(S3.stream_part_bytes(None), 16 << 20);
        assert_eq!(S3.stream_part_bytes(Some(20 << 20)), 32 << 20);
        assert_eq!(Limits { parts: 50_000, ..S3 }.stream_part_bytes(None), 8 << 20);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_limit() {
        let error = S3.part_bytes((5 << 40) + 1, None).unwrap_err();
        assert_eq!(error, "it has 5.00 TiB, and the longest object there may have 5.00 TiB");
        let small = Limits { parts: 2, part_bytes_max: 6 << 20, ..S3 };
        let error = small.part_bytes(9 << 20, None).unwrap_err();
        assert_eq!(error, "it has 9.0 MiB, which is more than 2 parts of 4.0 MiB");
    }
}
