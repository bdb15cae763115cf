//! A model that was checked: values, and operations in an order in which each finds its operands.

/// The number of a value.
pub type ValueId = usize;

/// A training step.
#[derive(Debug, Clone)]
pub struct Model {
    /// As whoever traced it calls it.
    pub name: String,
    /// Of everything that a plan depends on, in hexadecimal.
    pub digest: String,
    /// All values.
    pub values: Vec<Value>,
    /// Values that are given.
    pub inputs: Vec<Input>,
    /// Values that are results.
    pub outputs: Vec<Output>,
    /// Operations, in order.
    pub ops: Vec<Op>,
}

/// A tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What its elements are.
    pub kind: Kind,
    /// Sizes of its dimensions.
    pub shape: Vec<u64>,
    /// Of the whole of it.
    pub bytes: u64,
}

/// The type of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 64-bit floating point.
    F64,
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point, of either form.
    F16,
    /// 8-bit floating point.
    F8,
    /// Anything else, with its size in bytes: integers, truth values, complex numbers.
    Other(u8),
}

impl Kind {
    /// By its name in a model file.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "f64" => Self::F64,
            "f32" => Self::F32,
            "f16" | "bf16" => Self::F16,
            "f8" => Self::F8,
            "c128" => Self::Other(16),
            "c64" | "i64" | "u64" => Self::Other(8),
            "i32" | "u32" => Self::Other(4),
            "i16" | "u16" => Self::Other(2),
            "i8" | "u8" | "bool" => Self::Other(1),
            _ => return None,
        })
    }

    /// Bytes of an element.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 => 2,
            Self::F8 => 1,
            Self::Other(size) => size.into(),
        }
    }
}

/// A value that is given.
#[derive(Debug, Clone)]
pub struct Input {
    /// Which.
    pub value: ValueId,
    /// As users know it: `arg0['layers'][3]['up']`.
    pub name: String,
    /// What it is.
    pub role: Role,
}

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Parameters and the state of an optimizer: what one step hands to the next.
    State,
    /// The batch.
    Data,
    /// Written into the program.
    Constant,
}

/// A value that is a result.
#[derive(Debug, Clone)]
pub struct Output {
    /// Which.
    pub value: ValueId,
    /// As users know it.
    pub name: String,
    /// The input whose place it takes in the next step, as a place in `inputs`.
    pub becomes: Option<usize>,
}

/// An operation, as a nest of loops over its operands' dimensions.
#[derive(Debug, Clone)]
pub struct Op {
    /// Its name in the framework.
    pub name: String,
    /// Its loops.
    pub loops: Vec<Loop>,
    /// What it reads.
    pub ins: Vec<Operand>,
    /// What it makes.
    pub outs: Vec<Operand>,
    /// What becomes of loops that no result has.
    pub reduce: Reduce,
    /// Sets of operands in which it is linear together: partial sums of these give partial sums of the result.
    pub linear: Vec<Vec<usize>>,
    /// Operands that results are added to.
    pub accumulates: Vec<usize>,
    /// Operations on floating-point numbers; 0 for what only moves or goes over elements once.
    pub flops: f64,
    /// The part of the program it comes from.
    pub at: String,
    /// False where nobody knows what its loops are: it is replicated.
    pub known: bool,
    /// So cheap on each element that compilers do it again for each reader, where that spares its result.
    pub again: bool,
}

/// A loop of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// Unique in its operation.
    pub name: String,
    /// How often it turns.
    pub size: u64,
}

/// An operand or result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// Which.
    pub value: ValueId,
    /// For each dimension the loop that runs over it. A loop that is shorter than the dimension runs over blocks of it.
    pub dims: Vec<Option<usize>>,
}

impl Operand {
    /// The dimension that a loop runs over.
    pub(crate) fn dim_of(&self, turns: usize) -> Option<usize> {
        self.dims.iter().position(|dim| *dim == Some(turns))
    }
}

/// What becomes of a loop that no result has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// There is none.
    None,
    /// It adds up, so that results of its parts are partial sums.
    Sum,
    /// It combines otherwise: maximum, minimum, product.
    Other,
}
