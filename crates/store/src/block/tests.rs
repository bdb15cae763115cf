use super::*;
use proptest::prelude::*;

fn block(content: &[u8]) -> Block {
    let mut writer = BlockWriter::new(Buffer::detached(content.len()), 0, content.len(), true);
    assert_eq!(writer.extend(content), content.len());
    writer.finish().unwrap()
}

#[test]
fn slices_are_the_content_and_the_hash_is_its_hash() {
    for length in [0, 1, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 3 * SLICE_BYTES + 5] {
        let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let block = block(&content);
        let mut seen = Vec::new();
        let mut slices = block.slices();
        while let Some(slice) = slices.next_slice().unwrap() {
            seen.extend_from_slice(slice);
        }
        assert_eq!(seen, content);
        assert_eq!(block.chaining(), ChainingValue::root(blake3::hash(&content)));
    }
}

#[test]
fn an_unfinished_block_is_no_block() {
    let mut writer = BlockWriter::new(Buffer::detached(10), 0, 10, true);
    writer.extend(b"half");
    let writer = writer.finish().unwrap_err();
    assert_eq!(writer.missing(), 6);
    let mut writer = writer.restart();
    assert_eq!(writer.extend(b"0123456789ab"), 10);
    assert_eq!(writer.finish().unwrap().bytes(), b"0123456789");
}

#[tokio::test]
async fn a_pool_lends_within_its_budget_and_uses_memory_again() {
    let pool = BlockPool::new(4 * UNIT_BYTES);
    let first = pool.lend(3 * UNIT_BYTES).await;
    let address = first.as_ptr();
    assert_eq!(pool.available(), UNIT_BYTES);
    let waiting = pool.lend(3 * UNIT_BYTES);
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(first);
    assert_eq!(waiting.await.as_ptr(), address);
    // Larger than everything: alone, but lent.
    assert_eq!(pool.lend(9 * UNIT_BYTES).await.len(), 9 * UNIT_BYTES);
}

const UNIT_BYTES: usize = 64 << 10;

proptest! {
    #[test]
    fn sums_do_not_depend_on_how_the_bytes_came(
        pieces in prop::collection::vec(prop_oneof![0_usize..3, 0_usize..70_000, Just(SUM_BYTES)], 1..9),
        part in 0_u64..3,
        ends in any::<bool>(),
    ) {
        let length: usize = pieces.iter().sum();
        let content: Vec<u8> = (0..length).map(|at| (at * 31 / 7) as u8).collect();
        let (offset, whole) = (part << 20, part == 0);
        prop_assume!(whole || length > 0);
        let new = |wanted: usize| BlockWriter::new(Buffer::detached(wanted), offset, wanted, whole);
        let mut at_once = new(length);
        at_once.extend(&content);
        // What turns out to end here, though there was room for more.
        let mut writer = new(if ends { length + 5 } else { length });
        let mut rest = content.as_slice();
        for piece in pieces {
            let (next, more) = rest.split_at(piece);
            prop_assert_eq!(writer.extend(next), piece);
            rest = more;
        }
        let block = if ends { writer.end(whole) } else { writer.finish().unwrap() };
        let expected = at_once.finish().unwrap();
        prop_assert_eq!((block.chaining(), block.crc64()), (expected.chaining(), expected.crc64()));
        prop_assert_eq!(block.check().unwrap(), content.as_slice());
    }

    #[test]
    fn one_flipped_bit_never_leaves_whole(length in 1_usize..600_000, at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let content = vec![7; length];
        let mut block = block(&content);
        block.bytes_mut()[at.index(length)] ^= 1 << bit;
        let mut slices = block.slices();
        let mut sent = 0;
        let ended = loop {
            match slices.next_slice() {
                Ok(Some(slice)) => sent += slice.len(),
                Ok(None) => break Ok(()),
                Err(flipped) => break Err(flipped),
            }
        };
        prop_assert_eq!(ended, Err(Flipped { offset: 0, length }));
        prop_assert!(sent < length);
    }
}
