//! Memory of one accelerator, out of the `GpuInfo` column.
//!
//! The column is a printed Python or JSON object with a `SizeInMiB`. Some lists write the memory of
//! one device there (AWS, GCP, Lambda), some that of all devices together (Vast), and nothing in
//! the row says which. The table of accelerators decides: of the two readings the one nearer to the
//! model's known memory holds. Within a tenth of the table it is the table's value (drivers report a
//! few percent less than the data sheet); further off it is a variant of its own, such as an
//! `A100` that has 80 GiB.

/// Memory of one of `count_milli / 1000` devices in MiB; 0 when unknown. `known` is the table's
/// value, 0 when there is none.
pub(super) fn per_device_mib(gpu_info: &str, count_milli: u32, known: u32) -> u32 {
    let Some(written) = size_in_mib(gpu_info) else { return known };
    let devices = count_milli.div_ceil(1000).max(1);
    if known == 0 {
        // Two readings and nothing to choose by.
        return if devices == 1 { written } else { 0 };
    }
    let nearest =
        if far(written, known) <= far(written / devices, known) { written } else { written / devices };
    if nearest.abs_diff(known) <= known / 10 { known } else { nearest }
}

/// How many times one is the other, in thousandths.
fn far(one: u32, other: u32) -> u64 {
    let (less, more) = (u64::from(one.min(other)).max(1), u64::from(one.max(other)));
    more * 1000 / less
}

fn size_in_mib(gpu_info: &str) -> Option<u32> {
    let (_, after) = gpu_info.split_once("SizeInMiB")?;
    let digits = after.trim_start_matches(['\'', '"', ':', ' ']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|mib| (1..=64 << 20).contains(mib))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings() {
        let info = |mib: u32| format!("{{'Gpus': [{{'MemoryInfo': {{'SizeInMiB': {mib}}}}}]}}");
        let a100 = 40 << 10;
        assert_eq!(per_device_mib(&info(40_960), 8_000, a100), a100);
        assert_eq!(per_device_mib(&info(163_840), 4_000, a100), a100);
        assert_eq!(per_device_mib(&info(163_840), 2_000, a100), 80 << 10);
        assert_eq!(per_device_mib(&info(22_888), 1_000, 24 << 10), 24 << 10);
        assert_eq!(per_device_mib(&info(8_192), 1_000, 0), 8_192);
        assert_eq!(per_device_mib(&info(8_192), 2_000, 0), 0);
        assert_eq!(per_device_mib("", 1_000, 7), 7);
        assert_eq!(per_device_mib("{\"SizeInMiB\": 99999999999}", 1_000, 7), 7);
    }
}
