//! Intel TDX and SGX.

use crate::recorded::{accepted, find, read};
use welkin_seal::{Evidence, EvidenceError, GuestError, Kind};

const DATA: &str = "dcap-qvl-0.7.1/sample";
/// Within the month of the collateral of June 2025, and of October 2026.
const JUNE_2025: u64 = 1_751_000_000;
const OCTOBER_2026: u64 = 1_792_000_000;

fn quote(test: &str, name: &str) -> Option<Evidence> {
    let folder = find(test)?.join(DATA);
    let mut evidence = Evidence::read(&read(&folder, name)).unwrap();
    evidence.add_certificates(&read(&folder, &format!("{name}_collateral.json"))).unwrap();
    Some(evidence)
}

#[test]
fn quotes_of_tdx_and_sgx_say_what_they_measured() {
    let test = "quotes_of_tdx_and_sgx_say_what_they_measured";
    let Some(tdx) = quote(test, "tdx_quote") else { return };
    let claims = tdx.verify(JUNE_2025).unwrap();
    assert_eq!((claims.kind, claims.root, claims.chain.len()), (Kind::Tdx, "Intel SGX Root CA", 3));
    assert_eq!((claims.tcb.status.as_deref(), claims.debug), (Some("UpToDate"), false));
    assert_eq!(claims.measurements["mr-td"].0.len(), 48);
    let tdx = quote(test, "tdx_quote_td15ex").unwrap().verify(OCTOBER_2026).unwrap();
    assert!(tdx.measurements.contains_key("mr-service-td"));
    let sgx = quote(test, "sgx_quote").unwrap().verify(JUNE_2025).unwrap();
    assert_eq!(sgx.kind, Kind::Sgx);
    assert_eq!(sgx.tcb.status.as_deref(), Some("ConfigurationAndSWHardeningNeeded"));
    assert_eq!(sgx.tcb.advisories, ["INTEL-SA-00289", "INTEL-SA-00615"]);
    let evidence = quote(test, "sgx_quote").unwrap();
    assert_eq!(Evidence::read(&evidence.write()).unwrap(), evidence);
}

#[test]
fn no_byte_of_a_quote_can_be_changed() {
    let test = "no_byte_of_a_quote_can_be_changed";
    for (name, now) in
        [("tdx_quote", JUNE_2025), ("tdx_quote_td15ex", OCTOBER_2026), ("sgx_quote", JUNE_2025)]
    {
        let Some(evidence) = quote(test, name) else { return };
        let with = |body| Evidence { body, ..evidence.clone() };
        assert_eq!(accepted(&evidence.body, with, now), Vec::<usize>::new(), "{name}");
        // What follows the end is zeros.
        let end = evidence.body.iter().rposition(|byte| *byte != 0).unwrap();
        for length in (0..end).step_by(37) {
            assert!(with(evidence.body[..length].to_vec()).verify(now).is_err(), "{name}, cut at {length}");
        }
    }
}

#[test]
fn statements_have_their_month_and_platform() {
    let test = "statements_have_their_month_and_platform";
    let Some(mut tdx) = quote(test, "tdx_quote") else { return };
    for now in [JUNE_2025 - (60 << 20), JUNE_2025 + 5_000_000] {
        let refused = tdx.verify(now).unwrap_err();
        assert!(matches!(refused, EvidenceError::Collateral(_) | EvidenceError::Chain(_)), "{refused:?}");
    }
    tdx.collateral = quote(test, "sgx_quote").unwrap().collateral;
    assert!(tdx.verify(JUNE_2025).is_err(), "the statements of another platform");
    tdx.collateral = None;
    assert!(matches!(tdx.verify(JUNE_2025), Err(EvidenceError::Collateral(_))));
}

#[test]
fn no_byte_of_what_intel_states_can_be_changed() {
    let test = "no_byte_of_what_intel_states_can_be_changed";
    let Some(evidence) = quote(test, "sgx_quote") else { return };
    // A file has what is used of the collateral behind the quote: statements, lists of what was revoked, certificates.
    let file = evidence.write();
    let text = String::from_utf8(file.clone()).unwrap();
    let from = text.find("\"collateral\"").unwrap();
    assert!(
        ["tcb_info", "qe_identity", "root_ca_crl", "pck_crl"].iter().all(|name| text[from..].contains(name))
    );
    let passed: Vec<_> = (from..file.len())
        .filter(|at| {
            let mut changed = file.clone();
            changed[*at] ^= 1 << (at % 8);
            Evidence::read(&changed).is_ok_and(|evidence| evidence.verify(JUNE_2025).is_ok())
        })
        .collect();
    assert_eq!(passed, Vec::<usize>::new());
    // A digit of the other case would be the same number, and a form feed as blank as a line end.
    let list = text.find("\"pck_crl\": \"").unwrap() + "\"pck_crl\": \"".len();
    let letter = list + text[list..].find(|digit: char| digit.is_ascii_lowercase()).unwrap();
    let mut upper = file.clone();
    upper[letter].make_ascii_uppercase();
    let end = from + text[from..].find("-----\\nM").unwrap() + "-----\\".len();
    let mut feed = file.clone();
    feed[end] = b'f';
    for changed in [upper, feed] {
        assert!(Evidence::read(&changed).unwrap().verify(JUNE_2025).is_err());
    }
}

#[test]
fn what_linux_gives_a_guest_of_tdx_is_a_quote_without_collateral() {
    let test = "what_linux_gives_a_guest_of_tdx_is_a_quote_without_collateral";
    let Some(tdx) = quote(test, "tdx_quote") else { return };
    let given = Evidence::of_guest("tdx_guest", tdx.body.clone(), &[]).unwrap();
    assert!(matches!(given.verify(JUNE_2025), Err(EvidenceError::Collateral(_))));
    assert_eq!(Evidence { collateral: tdx.collateral.clone(), ..given }, tdx);
    assert!(Evidence::of_guest("tdx_guest", quote(test, "sgx_quote").unwrap().body, &[]).is_err());
}

#[test]
fn what_gramine_gives_is_a_quote_about_the_bytes_that_were_asked_with() {
    let test = "what_gramine_gives_is_a_quote_about_the_bytes_that_were_asked_with";
    let Some(sgx) = quote(test, "sgx_quote") else { return };
    let asked: [u8; 64] = sgx.body[368..432].try_into().unwrap();
    let of = |body: &[u8], asked| Evidence::of_gramine(body.to_vec(), asked);
    let given = of(&sgx.body, &asked).unwrap();
    assert_eq!(given.verify(JUNE_2025), Err(EvidenceError::Collateral("none is given".to_owned())));
    assert_eq!(Evidence { collateral: sgx.collateral.clone(), ..given }, sgx);
    let mut other = asked;
    other[63] ^= 1;
    assert_eq!(of(&sgx.body, &other), Err(GuestError::Other(Kind::Sgx)));
    let tdx = quote(test, "tdx_quote").unwrap().body;
    assert_eq!(of(&tdx, &asked), Err(GuestError::Report(Kind::Sgx, tdx.len())));
    let end = sgx.body.iter().rposition(|byte| *byte != 0).unwrap();
    for length in 0..end {
        assert!(of(&sgx.body[..length], &asked).is_err(), "cut at {length}");
    }
}
