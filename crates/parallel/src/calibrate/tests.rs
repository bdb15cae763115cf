//! Calibrations of devices whose rates are known, since they are made up.

use super::fit::line;
use super::*;
use crate::cluster::Cluster;

/// Numbers between -1 and 1, from a seed.
fn noise() -> impl FnMut() -> f64 {
    let mut state = 11_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

#[test]
fn a_line_is_found_again_though_some_measurements_are_ten_times_off() {
    let (start, each) = (3e-5, 2e-10);
    let mut noise = noise();
    let mut points: Vec<(f64, f64)> = (0..40)
        .map(|at| {
            let size = f64::exp2(f64::from(at) / 2.0 + 8.0);
            (size, (start + each * size) * (1.0 + 0.02 * noise()))
        })
        .collect();
    for at in [3, 11, 20, 27, 33] {
        points[at].1 *= 10.0;
    }
    let found = line(&points).unwrap();
    assert!((found.start.0 / start - 1.0).abs() < 0.05, "{found:?}");
    assert!((found.each.0 / each - 1.0).abs() < 0.05, "{found:?}");
    // The truth is within four standard errors, and these are small.
    assert!((found.start.0 - start).abs() < 4.0 * found.start.1 && found.start.1 < 0.05 * start, "{found:?}");
    assert!((found.each.0 - each).abs() < 4.0 * found.each.1 && found.each.1 < 0.05 * each, "{found:?}");
}

#[test]
fn nothing_takes_less_than_no_time() {
    let proportional: Vec<(f64, f64)> =
        (1..20).map(|at| (f64::from(at), f64::from(at) * 1e-3 - 5e-4)).collect();
    assert_eq!(line(&proportional).unwrap().start.0, 0.0);
    let shrinking: Vec<(f64, f64)> = (1..20).map(|at| (f64::from(at), 1.0 - f64::from(at) * 1e-3)).collect();
    assert_eq!(line(&shrinking).unwrap().each.0, 0.0);
    assert_eq!(line(&[(1.0, 1.0), (1.0, 2.0)]), None);
}

/// Measurements of a device with these rates, by the lines they are on.
fn measurements() -> String {
    let mut points = Vec::new();
    let mut add = |what: &str, more: &str, start: f64, each: f64, sizes: [f64; 4]| {
        for size in sizes {
            let seconds = start + each * size;
            points.push(format!(
                r#"{{"what": "{what}", {more} "size": {size:?}, "seconds": [{:?}, {seconds:?}, {:?}]}}"#,
                seconds * 40.0,
                seconds * 0.9999
            ));
        }
    };
    add("matmul", r#""kind": "f32","#, 2e-5, 1e-11, [1e6, 1e7, 1e8, 1e9]);
    add("memory", "", 1e-6, 1e-10, [1e4, 1e5, 1e6, 1e7]);
    add("launch", "", 1e-4, 7e-6, [1.0, 4.0, 16.0, 64.0]);
    for group in [2, 8] {
        add(
            "all-reduce",
            &format!(r#""group": {group},"#),
            5e-5 * f64::from(group),
            3e-10,
            [1e4, 1e5, 1e6, 1e7],
        );
    }
    format!(
        r#"{{"schema": "{MEASUREMENTS_SCHEMA}", "made_by": "a test", "device": "made up", "devices": 8, "points": [{}]}}"#,
        points.join(", ")
    )
}

#[test]
fn a_calibrated_cluster_takes_what_was_measured_and_the_rest_from_tables() {
    let calibration = Calibration::fitted(measurements().as_bytes()).unwrap();
    assert_eq!(Calibration::read(&calibration.write()).unwrap(), calibration);
    let before = Cluster::parse("8xcpu-host").unwrap();
    let after = before.clone().calibrated(&calibration);
    let close =
        |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.01, "{found} and {wanted}");
    let product = crate::model::Kind::F32;
    // What a product starts with beyond what all operations do.
    close(after.device.compute_s(1e9, product), 2e-5 - 7e-6 + 1e-2);
    close(after.device.touch_s(1e6), 1e-4);
    close(after.device.launch_s, 7e-6);
    let mesh = |cluster: &Cluster| crate::cluster::Mesh::of(cluster, &[2, 4]);
    use crate::cluster::Collective::{AllGather, AllReduce};
    close(mesh(&after).collective_s(AllReduce, 0b01, 1e6), 1e-4 + 3e-4);
    // No group of four was measured: the nearest was.
    close(mesh(&after).collective_s(AllReduce, 0b10, 1e6), 1e-4 + 3e-4);
    close(mesh(&after).collective_s(AllReduce, 0b11, 1e6), 4e-4 + 3e-4);
    let untouched = |cluster: &Cluster| mesh(cluster).collective_s(AllGather, 0b01, 1e6);
    close(untouched(&after), untouched(&before));
    assert_eq!(
        after.device.compute_s(1e9, crate::model::Kind::F64),
        before.device.compute_s(1e9, crate::model::Kind::F64)
    );
}

#[test]
fn what_is_no_calibration_is_refused() {
    let sound = measurements();
    let cases = [
        ("welkin.parallel-measurements/1", "welkin.parallel-measurements/2", "the file says it is"),
        (r#""kind": "f32""#, r#""kind": "f31""#, "there is no element type `f31`"),
        (r#""group": 2"#, r#""group": 1"#, "a group has two devices"),
        (r#""size": 1000000.0"#, r#""size": -1.0"#, "no size"),
        (r#""what": "memory","#, r#""what": "memory", "group": 4,"#, "only collectives have a group"),
        (r#""devices""#, r#""devises""#, "another form"),
    ];
    for (from, to, expected) in cases {
        assert!(sound.contains(from), "{from}");
        let said = Calibration::fitted(sound.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(said.contains(expected), "{to}: {said}");
    }
    for at in (0..sound.len()).step_by(41) {
        assert!(Calibration::fitted(&sound.as_bytes()[..at]).is_err());
    }
    let fitted = Calibration::fitted(sound.as_bytes()).unwrap();
    let none =
        Calibration { fits: vec![Fit { start_s: 0.0, each_s: 0.0, ..fitted.fits[0].clone() }], ..fitted };
    assert!(Calibration::read(&none.write()).is_err());
}
