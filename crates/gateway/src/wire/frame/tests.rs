use super::*;
use proptest::prelude::*;

fn piece() -> Header {
    Header {
        flags: HEADED,
        head: 20,
        payload: 1020,
        raw: 1000,
        total: 5000,
        offset: 4000,
        floor: 3,
        counter: 9,
        crc: 77,
        ..Header::bare(Kind::Call, 5)
    }
}

#[test]
fn a_header_survives_the_round_trip() {
    for header in
        [piece(), Header::bare(Kind::Ack, u64::MAX), Header { payload: 512, ..Header::bare(Kind::Fault, 0) }]
    {
        assert_eq!(Header::decode(&header.encode()), Ok(header));
    }
}

#[test]
fn contradictions_are_refused() {
    let malformed = |header: Header| match Header::decode(&header.encode()) {
        Err(FrameError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed(Header { flags: 1 << 9, ..piece() }), "it has unknown flags");
    assert_eq!(malformed(Header { payload: u32::MAX, ..piece() }), "it is too long");
    assert_eq!(malformed(Header { total: u32::MAX, ..piece() }), "its body is too long");
    assert_eq!(malformed(Header { offset: 4001, ..piece() }), "its piece lies outside of its body");
    assert_eq!(malformed(Header { offset: u32::MAX, ..piece() }), "its piece lies outside of its body");
    assert_eq!(malformed(Header { payload: 10, ..piece() }), "it is shorter than its parts");
    assert_eq!(malformed(Header { payload: 1021, ..piece() }), "its parts are not as long as it is");
    let swollen = Header { flags: HEADED | SQUEEZED, ..piece() };
    assert_eq!(malformed(swollen), "its parts are not as long as it is");
    let empty = Header { flags: 0, head: 0, payload: 0, raw: 0, ..piece() };
    assert_eq!(malformed(empty), "it carries nothing");
    assert_eq!(malformed(Header { kind: Kind::Ping, ..piece() }), "it has a message and its kind has none");
}

proptest! {
    #[test]
    fn any_bytes_are_read_within_bounds_or_refused(mut bytes in prop::collection::vec(any::<u8>(), HEADER_BYTES), mend in 0..3) {
        if mend > 0 {
            bytes[..3].copy_from_slice(&piece().encode()[..3]);
        }
        if mend > 1 {
            let sum = crc64(&bytes[..56]);
            bytes[56..].copy_from_slice(&sum.to_le_bytes());
        }
        let bytes: [u8; HEADER_BYTES] = bytes.try_into().unwrap();
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert!(header.payload as usize <= MAX_PAYLOAD_BYTES);
            prop_assert!(header.offset as usize + header.raw as usize <= MAX_BODY_BYTES);
            prop_assert_eq!(header.encode(), bytes);
        }
    }

    #[test]
    fn one_flipped_bit_is_refused(bit in 0..HEADER_BYTES * 8) {
        let mut bytes = piece().encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Header::decode(&bytes).is_err());
    }
}
