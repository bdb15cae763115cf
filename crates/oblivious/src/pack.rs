//! Rows as they are sorted: what is compared without gaps in few words, and beside it what goes along.
//!
//! A key begins with whether the row counts, and has for each column a bit for whether its value is missing, and its words: an integer
//! has 64 bits, a truth value one, the length of a text as many as it may need. The row's number comes last: no two rows
//! are equal, and those that have the same keys stay in their order. All this lies in words of 62 bits
//! ([`crate::lanes`]). Bits that go along fill what is left of the last one; words that go along follow as they are. What is in
//! the key is not carried a second time.
//!
//! Which bits go where is a function of columns and counts. Rows are packed bits by bits, some dozens of rows at a time.

use crate::Rows;
use crate::bits::{YES, zero};
use crate::expr::Values;
use crate::lanes::{BITS, sort_packed};
use crate::plan::SortKey;
use crate::table::{Kind, place};

/// Rows that are packed at a time: they and what is made of them stay in the cache.
const BLOCK: usize = 64;

/// Bits of a word of a row.
#[derive(Clone, Copy)]
struct Field {
    word: usize,
    /// Bits that are less than these.
    right: u32,
    bits: u32,
    /// Bits that are turned in what is packed.
    turned: u64,
}

/// Bits that lie in one word on both sides.
#[derive(Clone, Copy)]
struct Piece {
    from: usize,
    right: u32,
    turned: u64,
    mask: u64,
    to: usize,
    left: u32,
    /// Can it be made of what is packed?
    back: bool,
}

/// Where bits of a row lie when it is packed.
#[derive(Default)]
pub(crate) struct Layout {
    pieces: Vec<Piece>,
    /// Those of the row's number.
    number: Vec<Piece>,
    /// How many bits there are so far.
    bits: u32,
    /// Those of the key without the number.
    keys: u32,
    /// Words that are compared.
    compared: usize,
    width: usize,
}

impl Layout {
    /// For so many rows in an order: those that do not count come last. Other columns that are named go along.
    pub(crate) fn ordered(kinds: &[Kind], keys: &[SortKey], along: &[usize], count: usize) -> Self {
        let mut layout = Self::default();
        layout.put(Field { word: 0, right: 0, bits: 1, turned: YES }, true);
        for key in keys {
            let turned = |yes: bool| if yes { YES } else { 0 };
            layout.put(Field { turned: turned(key.nulls_first), ..missing(key.column) }, true);
            for field in fields(kinds, key.column) {
                layout.put(Field { turned: turned(key.descending), ..field }, true);
            }
        }
        layout.end(number_bits(count));
        let others = along.iter().filter(|column| keys.iter().all(|key| key.column != **column));
        let others: Vec<usize> = others.copied().collect();
        others.iter().for_each(|column| layout.put(missing(*column), true));
        layout.carry(kinds, &others);
        layout
    }

    /// For one side of a join, by columns, as wide as those of both sides. Rows of the second side come behind those of
    /// the first that have the same key; those that nobody finds come last. All columns go along.
    pub(crate) fn joined(kinds: &[Kind], on: &[(usize, Kind)], most: usize) -> Self {
        let mut layout = Self::default();
        // One bit, for each of these reasons.
        let uncounted = Field { word: 0, right: 0, bits: 1, turned: YES };
        for field in on.iter().map(|(column, _)| missing(*column)).chain([uncounted]) {
            layout.pieces.extend(pieces(field, 0, false));
        }
        layout.bits = 1;
        for (column, common) in on {
            let mut words = fields(kinds, *column);
            let last = words.pop().expect("a value has a word");
            words.into_iter().for_each(|field| layout.put(field, true));
            layout.bits += 64 * (common.words() - kinds[*column].words()) as u32;
            layout.put(Field { bits: last_bits(*common), ..last }, true);
        }
        layout.end(number_bits(most) + 1);
        layout.put(Field { word: 0, right: 0, bits: 1, turned: 0 }, false);
        layout.put(Field { word: 0, right: 1, bits: kinds.len() as u32, turned: 0 }, true);
        let others = (0..kinds.len()).filter(|column| on.iter().all(|(key, _)| key != column));
        layout.carry(kinds, &others.collect::<Vec<_>>());
        layout
    }

    /// What the numbers of the second side's rows begin with.
    pub(crate) fn second(most: usize) -> u64 {
        1 << number_bits(most)
    }

    /// Masks of whether rows of a join are of the second side, and of whether they count.
    pub(crate) fn sides(&self, packed: &Rows) -> (Vec<u64>, Vec<u64>) {
        let number: u32 = self.number.iter().map(|piece| piece.mask.count_ones()).sum();
        (self.masks(packed, self.keys), self.masks(packed, self.keys + number))
    }

    /// Masks of a bit: the first says whether a row is of no use.
    pub(crate) fn masks(&self, packed: &Rows, bit: u32) -> Vec<u64> {
        let (word, right) = ((bit / BITS) as usize, BITS - 1 - bit % BITS);
        packed.iter().map(|row| 0_u64.wrapping_sub(row[word] >> right & 1)).collect()
    }

    /// Masks of whether a row has the key of the one before it.
    pub(crate) fn same(&self, packed: &Rows) -> Vec<u64> {
        let mask = |word: usize| {
            let bits = self.keys.saturating_sub(word as u32 * BITS).min(BITS);
            ((1_u64 << bits) - 1) << (BITS - bits)
        };
        let masks: Vec<u64> = (0..self.compared).map(mask).collect();
        let differs = |a: &[u64], b: &[u64]| {
            masks.iter().zip(a.iter().zip(b)).fold(0, |differs, (mask, (a, b))| differs | ((a ^ b) & mask))
        };
        let pairs = packed.iter().zip(packed.iter().skip(1));
        let all = std::iter::once(0).chain(pairs.map(|(a, b)| zero(differs(a, b))));
        all.take(packed.count()).collect()
    }

    /// Words of what is packed.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Leaves room for as many words.
    pub(crate) fn widen(&mut self, width: usize) {
        self.width = self.width.max(width);
    }

    /// Rows, packed and sorted.
    pub(crate) fn sorted(&self, rows: &Rows) -> Rows {
        let mut packed = Rows::zeros(rows.count(), self.width);
        self.pack(rows, 0, packed.words_mut());
        self.sort(&mut packed);
        packed
    }

    /// Packs rows into words that are zero, numbered from one on.
    pub(crate) fn pack(&self, rows: &Rows, first: u64, packed: &mut [u64]) {
        let (width, wide) = (rows.width(), self.width);
        let blocks = rows.words().chunks(BLOCK * width).zip(packed.chunks_mut(BLOCK * wide));
        for (block, (from, to)) in blocks.enumerate() {
            for piece in self.pieces.iter().copied() {
                for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(wide)) {
                    to[piece.to] |= piece.packed(from[piece.from]);
                }
            }
            for piece in self.number.iter().copied() {
                let numbers = (first + (block * BLOCK) as u64)..;
                for (number, to) in numbers.zip(to.chunks_exact_mut(wide)) {
                    to[piece.to] |= piece.packed(number);
                }
            }
        }
    }

    /// Sorts them.
    pub(crate) fn sort(&self, packed: &mut Rows) {
        sort_packed(packed, self.compared);
    }

    /// Puts columns of packed rows into rows of zeros, which have so many words and columns before them.
    pub(crate) fn unpack(&self, packed: &Rows, rows: &mut Rows, (words, columns): (usize, usize)) {
        let (width, wide) = (rows.width(), self.width);
        let blocks = packed.words().chunks(BLOCK * wide).zip(rows.words_mut().chunks_mut(BLOCK * width));
        for (from, to) in blocks {
            for piece in self.pieces.iter().copied().filter(|piece| piece.back) {
                let (word, left) =
                    if piece.from == 0 { (0, columns as u32) } else { (words + piece.from, 0) };
                for (from, to) in from.chunks_exact(wide).zip(to.chunks_exact_mut(width)) {
                    to[word] |= piece.unpacked(from[piece.to]) << left;
                }
            }
        }
    }

    /// A column of packed rows of such columns.
    pub(crate) fn column(&self, packed: &Rows, kinds: &[Kind], column: usize) -> Values {
        let place = place(kinds, column);
        let mut words = vec![0; packed.count() * place.len()];
        let mut nulls = vec![0; packed.count()];
        for piece in self.pieces.iter().copied().filter(|piece| piece.back) {
            if place.contains(&piece.from) {
                let to =
                    words.chunks_exact_mut(place.len()).map(|words| &mut words[piece.from - place.start]);
                packed.iter().zip(to).for_each(|(row, word)| *word |= piece.unpacked(row[piece.to]));
            } else if piece.from == 0 && piece.right == missing(column).right {
                let bits = packed.iter().map(|row| piece.unpacked(row[piece.to]) >> piece.right);
                nulls.iter_mut().zip(bits).for_each(|(null, bit)| *null = 0_u64.wrapping_sub(bit));
            }
        }
        Values { kind: kinds[column], words, nulls }
    }

    /// The next bits are these.
    fn put(&mut self, field: Field, back: bool) {
        self.pieces.extend(pieces(field, self.bits, back));
        self.bits += field.bits;
    }

    /// Ends the key by a number of so many bits.
    fn end(&mut self, bits: u32) {
        self.keys = self.bits;
        self.number = pieces(Field { word: 0, right: 0, bits, turned: 0 }, self.bits, false);
        self.bits += bits;
        // Networks compare two words at least.
        self.compared = (self.bits.div_ceil(BITS) as usize).max(2);
    }

    /// Columns go along, but for whether they have values.
    fn carry(&mut self, kinds: &[Kind], columns: &[usize]) {
        let all = columns.iter().flat_map(|column| fields(kinds, *column));
        let (whole, small): (Vec<Field>, Vec<Field>) = all.partition(|field| field.bits == 64);
        small.into_iter().for_each(|field| self.put(field, true));
        let first = (self.bits.div_ceil(BITS) as usize).max(self.compared);
        self.width = (first + whole.len()).max(3);
        let words = whole.into_iter().zip(first..);
        self.pieces.extend(words.map(|(field, to)| Piece {
            from: field.word,
            right: 0,
            turned: 0,
            mask: YES,
            to,
            left: 0,
            back: true,
        }));
    }
}

impl Piece {
    fn packed(self, word: u64) -> u64 {
        ((word ^ self.turned) >> self.right & self.mask) << self.left
    }

    fn unpacked(self, word: u64) -> u64 {
        ((word >> self.left ^ self.turned) & self.mask) << self.right
    }
}

/// Bits that number so many rows, and in no number are all ones.
fn number_bits(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}

/// Whether a column has no value.
fn missing(column: usize) -> Field {
    Field { word: 0, right: column as u32 + 1, bits: 1, turned: 0 }
}

/// The words of a column.
fn fields(kinds: &[Kind], column: usize) -> Vec<Field> {
    let mut fields: Vec<Field> =
        place(kinds, column).map(|word| Field { word, right: 0, bits: 64, turned: 0 }).collect();
    if let Some(last) = fields.last_mut() {
        last.bits = last_bits(kinds[column]);
    }
    fields
}

/// Bits that a value of a kind may have in its last word.
fn last_bits(kind: Kind) -> u32 {
    match kind {
        Kind::Bool => 1,
        Kind::Text(words) => usize::BITS - (8 * words).leading_zeros(),
        Kind::Int | Kind::Decimal(_) | Kind::Float => 64,
    }
}

/// A field from a bit on, in words of what is packed.
fn pieces(field: Field, mut at: u32, back: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = field.bits;
    while rest > 0 {
        let room = BITS - at % BITS;
        let bits = rest.min(room);
        rest -= bits;
        pieces.push(Piece {
            from: field.word,
            right: field.right + rest,
            turned: field.turned,
            mask: YES >> (64 - bits),
            to: (at / BITS) as usize,
            left: room - bits,
            back,
        });
        at += bits;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 6] =
        [Kind::Bool, Kind::Int, Kind::Text(2), Kind::Decimal(3), Kind::Float, Kind::Text(0)];

    fn random(count: usize, random: &mut fastrand::Rng) -> Rows {
        let mut rows = Rows::zeros(count, crate::table::width(&KINDS));
        for number in 0..count {
            let row = rows.row_mut(number);
            row.fill_with(|| [0, 1, YES, random.u64(..)][random.usize(..4)]);
            row[0] &= (2 << KINDS.len()) - 1;
            for column in 0..KINDS.len() {
                let words = place(&KINDS, column);
                row[words.end - 1] &= [1, YES, 0b1111, YES, YES, 0][column];
                if row[0] >> (column + 1) & 1 == 1 {
                    row[words].fill(0);
                }
            }
        }
        rows
    }

    #[test]
    fn what_is_packed_is_what_was_there() {
        let mut from = fastrand::Rng::with_seed(5);
        let keys = |columns: &[usize], turned: bool| {
            let key = |column: &usize| SortKey { column: *column, descending: turned, nulls_first: turned };
            columns.iter().map(key).collect::<Vec<_>>()
        };
        for columns in [&[1][..], &[0], &[2, 0], &[3, 1, 2], &[5], &[4, 4], &[0, 1, 2, 3, 4, 5]] {
            for (turned, count) in [(false, 1), (true, 70), (false, 200)] {
                let rows = random(count, &mut from);
                let layout = Layout::ordered(&KINDS, &keys(columns, turned), &[0, 1, 2, 3, 4, 5], count);
                let mut packed = Rows::zeros(count, layout.width());
                layout.pack(&rows, 0, packed.words_mut());
                let mut compared = packed.iter().flat_map(|row| &row[..layout.compared]);
                assert!(compared.all(|word| word >> BITS == 0), "{columns:?}");
                let mut back = Rows::zeros(count, rows.width());
                layout.unpack(&packed, &mut back, (0, 0));
                assert_eq!(back, rows, "{columns:?}");
            }
        }
    }

    #[test]
    fn sides_of_a_join_have_room_for_the_wider_of_their_keys() {
        let narrow = [Kind::Int, Kind::Text(1)];
        let wide = [Kind::Text(3), Kind::Bool, Kind::Float];
        let sides = [(&narrow[..], 1, 0), (&wide[..], 0, Layout::second(9))];
        let packed = sides.map(|(kinds, column, first)| {
            let layout = Layout::joined(kinds, &[(column, Kind::Text(3))], 9);
            let mut rows = Rows::zeros(2, crate::table::width(kinds));
            for (row, text) in ["b", "flu"].iter().enumerate() {
                let words = crate::table::of_text(text, kinds[column].words() - 1);
                let row = rows.row_mut(row);
                row[0] = 1;
                row[place(kinds, column)].copy_from_slice(&words);
            }
            let mut packed = Rows::zeros(2, layout.width());
            layout.pack(&rows, first, packed.words_mut());
            assert_eq!(layout.masks(&packed, 0), [0, 0]);
            assert_eq!(layout.sides(&packed), (vec![if first > 0 { YES } else { 0 }; 2], vec![YES; 2]));
            let mut back = Rows::zeros(2, rows.width());
            layout.unpack(&packed, &mut back, (0, 0));
            back.row_mut(0)[0] |= 1;
            back.row_mut(1)[0] |= 1;
            assert_eq!(back, rows);
            let mut both = Rows::zeros(4, layout.width());
            (0..4).for_each(|row| both.row_mut(row).copy_from_slice(packed.row(row / 2)));
            assert_eq!(layout.same(&both), [0, YES, 0, YES]);
            (layout.keys, layout.compared, [0, 1].map(|row| packed.row(row)[..3].to_vec()))
        });
        assert_eq!((packed[0].0, packed[0].1), (packed[1].0, packed[1].1));
        // The same key, up to the number.
        assert_eq!(packed[0].2, packed[1].2);
    }
}
