//! Tables as hosts write them, and as they should not.

use super::{Evidence, GuestError, Kind};

const VCEK: &str = "63da758de6644564adc5f4b93be8accd";
const ASK: &str = "4ab7b379bbac4fe4a02f05aef327c782";
const LIST: &str = "92f81bc358114d3d97ffd19f88dc67ea";

fn entry(guid: &str, offset: u32, length: u32) -> Vec<u8> {
    let mut entry = crate::from_hex(guid).unwrap();
    entry.extend(offset.to_le_bytes());
    entry.extend(length.to_le_bytes());
    entry
}

fn report() -> Vec<u8> {
    let mut report = vec![0; 0x4a0];
    report[0] = 2;
    report
}

fn of(table: &[u8]) -> Result<Vec<Vec<u8>>, GuestError> {
    Evidence::of_guest("sev_guest", report(), table).map(|evidence| evidence.certificates)
}

#[test]
fn certificates_of_a_table_come_along_in_its_order() {
    let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let mut table = [entry(VCEK, 96, 2), entry(LIST, 98, 1), entry(ASK, 98, 0), vec![0; 24]].concat();
    table.extend([0x30, 0x00]);
    assert_eq!(of(&table), Err(GuestError::Table("an entry lies outside of it")), "the list has no byte");
    table.push(0xff);
    assert!(matches!(of(&table), Err(GuestError::Certificate(_))), "the authority is empty");
    table[48..72].copy_from_slice(&entry(ASK, 99, u32::try_from(pem.len()).unwrap()));
    table.extend(pem.bytes());
    // The list of what was revoked is no certificate, and text is what some hosts have.
    assert_eq!(of(&table), Ok(vec![vec![0x30, 0x00], vec![0x30, 0x00]]));
}

#[test]
fn a_host_may_have_no_certificates() {
    assert_eq!(of(&[]), Ok(Vec::new()));
    assert_eq!(of(&[0; 4096]), Ok(Vec::new()));
}

#[test]
fn a_table_that_points_elsewhere_or_never_ends_is_refused() {
    let end = vec![0; 24];
    for (offset, length) in [(48, 1), (49, 0), (u32::MAX, u32::MAX), (0, u32::MAX), (u32::MAX, 0)] {
        let table = [entry(VCEK, offset, length), end.clone()].concat();
        assert!(matches!(of(&table), Err(GuestError::Table(_))), "{offset}, {length}");
    }
    let endless = entry(LIST, 0, 24).repeat(2);
    assert_eq!(of(&endless), Err(GuestError::Table("its entries have no end")));
    let large = [entry(LIST, 0, 24).repeat(1000), end].concat();
    assert_eq!(of(&large), Err(GuestError::Table("it has too many entries")));
    for length in 1..24 {
        assert!(of(&[1; 24][..length]).is_err(), "{length}");
    }
}

#[test]
fn a_report_has_to_be_of_its_provider() {
    let of = |provider, report| Evidence::of_guest(provider, report, &[]);
    assert_eq!(of("cca_guest", report()), Err(GuestError::Provider("cca_guest".to_owned())));
    assert_eq!(of("", report()), Err(GuestError::Provider(String::new())));
    assert_eq!(of("tdx_guest", report()), Err(GuestError::Report(Kind::Tdx, 1184)));
    for length in [0, 1183] {
        let cut = report()[..length].to_vec();
        assert_eq!(of("sev_guest", cut), Err(GuestError::Report(Kind::SevSnp, length)));
    }
    assert_eq!(of("sev_guest", report()).unwrap().kind, Kind::SevSnp);
}
