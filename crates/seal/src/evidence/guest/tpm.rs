//! The few commands of a TPM 2.0 that evidence takes, as bytes, and what it answers.
//!
//! Every answer is as long as it says, and so is all that is in it. Keys and indices here have empty passwords; there are no sessions.
//!
//! Source: TCG, TPM 2.0 Library, part 1 (18, command and response structure), part 2 (`TPM_CC`, `TPM_ST`, `TPMS_NV_PUBLIC`,
//! `TPML_PCR_SELECTION`, `TPMT_SIGNATURE`), part 3 (`TPM2_NV_ReadPublic`, `TPM2_NV_Read`, `TPM2_PCR_Read`, `TPM2_Quote`).

use crate::bytes::{Reader, Short};

/// Sends a command and gives its answer back, or says in words why there is none.
pub type Transmit<'a> = dyn FnMut(&[u8]) -> Result<Vec<u8>, String> + 'a;

/// Why a TPM gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// It was not reached.
    #[error("{0}")]
    Transmit(String),
    /// It said no.
    #[error("the TPM refused {command} (code {code:#x})")]
    Refused {
        /// What it was asked for.
        command: &'static str,
        /// Its answer.
        code: u32,
    },
    /// What it said is no answer to that.
    #[error("the TPM's answer to {0} is none")]
    Answer(&'static str),
}

impl TpmError {
    /// There is nothing at the place that was named (`TPM_RC_HANDLE` for the first or second handle).
    pub(super) fn nothing_there(&self) -> bool {
        matches!(self, Self::Refused { code: 0x18b | 0x28b, .. })
    }
}

/// What a TPM says that is busy, with a test or with other things (`TPM_RC_RETRY`, `TPM_RC_TESTING`, `TPM_RC_YIELDED`): the same
/// command is to be sent again, which Linux does for some of them and with pauses.
const BUSY: [u32; 3] = [0x922, 0x90a, 0x908];
/// As often as tpm2-tss sends one (`ESYS_MAX_SUBMISSIONS`).
const MOST_SUBMISSIONS: u32 = 5;
const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;
const OWNER: u32 = 0x4000_0001;
const SHA256: u16 = 0x000b;
const RSASSA: u16 = 0x0014;
/// The scheme that the key was made with.
const OF_THE_KEY: u16 = 0x0010;
/// An empty password: its handle, no nonce, no attributes, no words.
const EMPTY_PASSWORD: [u8; 13] = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];
/// Every TPM gives as much of an index at once.
const PIECE: u16 = 512;
/// Digests that come at once.
const MOST_DIGESTS: u32 = 8;
const REGISTERS: u32 = 24;
const SUM_BYTES: u16 = 32;

/// All bytes of an index that its owner may read.
pub(super) fn read_index(transmit: &mut Transmit<'_>, index: u32) -> Result<Vec<u8>, TpmError> {
    let size = index_size(transmit, index)?;
    let mut bytes = Vec::new();
    while bytes.len() < size.into() {
        let at = u16::try_from(bytes.len()).map_err(|_| TpmError::Answer("NV_Read"))?;
        let count = PIECE.min(size - at);
        let command = Command::new("NV_Read", SESSIONS, 0x14e)
            .u32(OWNER)
            .u32(index)
            .bytes(&EMPTY_PASSWORD)
            .u16(count)
            .u16(at);
        bytes.extend(command.send(transmit, |fields| {
            let piece = sized(fields)?;
            Ok((piece.len() == usize::from(count)).then(|| piece.to_vec()))
        })?);
    }
    Ok(bytes)
}

fn index_size(transmit: &mut Transmit<'_>, index: u32) -> Result<u16, TpmError> {
    let command = Command::new("NV_ReadPublic", NO_SESSIONS, 0x169).u32(index);
    command.send(transmit, |fields| {
        let mut public = Reader::new(sized(fields)?);
        let found = public.u32_be()?;
        let _name_algorithm_and_attributes = public.take(6)?;
        let _policy = sized(&mut public)?;
        let size = public.u16_be()?;
        let _name = sized(fields)?;
        Ok((found == index && public.rest().is_empty()).then_some(size))
    })
}

/// The values of all registers with SHA-256, one behind the other.
pub(super) fn read_registers(transmit: &mut Transmit<'_>) -> Result<Vec<u8>, TpmError> {
    let mut values = Vec::new();
    let mut read = 0;
    while read < REGISTERS {
        let wanted = (1_u32 << REGISTERS) - (1 << read);
        let command = selecting(Command::new("PCR_Read", NO_SESSIONS, 0x17e), wanted);
        let (count, bytes) = command.send(transmit, |fields| {
            let _changes = fields.u32_be()?;
            let given = selected(fields)?;
            let count = fields.u32_be()?;
            let bytes = fields.take(count.min(MOST_DIGESTS) as usize * (2 + usize::from(SUM_BYTES)))?;
            // Those that come next, in order.
            let expected = (1_u32 << (read + count.min(MOST_DIGESTS))) - (1 << read);
            let all = count > 0 && read + count.min(MOST_DIGESTS) <= REGISTERS && given == Some(expected);
            Ok(all.then(|| (count, bytes.to_vec())))
        })?;
        for digest in bytes.chunks(2 + usize::from(SUM_BYTES)) {
            let digest = digest.strip_prefix(&SUM_BYTES.to_be_bytes()).ok_or(TpmError::Answer("PCR_Read"))?;
            values.extend(digest);
        }
        read += count;
    }
    Ok(values)
}

/// What a key signed of all registers and these bytes, and its signature by RSASSA with SHA-256.
pub(super) fn quote(
    transmit: &mut Transmit<'_>,
    key: u32,
    question: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), TpmError> {
    let length = u16::try_from(question.len()).map_err(|_| TpmError::Answer("Quote"))?;
    let command = Command::new("Quote", SESSIONS, 0x158)
        .u32(key)
        .bytes(&EMPTY_PASSWORD)
        .u16(length)
        .bytes(question)
        .u16(OF_THE_KEY);
    selecting(command, (1 << REGISTERS) - 1).send(transmit, |fields| {
        let message = sized(fields)?.to_vec();
        let scheme = (fields.u16_be()?, fields.u16_be()?);
        let signature = sized(fields)?.to_vec();
        Ok((scheme == (RSASSA, SHA256)).then_some((message, signature)))
    })
}

/// One bank, with a bit for each register.
fn selecting(command: Command, registers: u32) -> Command {
    let [first, second, third, _] = registers.to_le_bytes();
    command.u32(1).u16(SHA256).bytes(&[3, first, second, third])
}

fn selected(fields: &mut Reader<'_>) -> Result<Option<u32>, Short> {
    let head = (fields.u32_be()?, fields.u16_be()?, fields.array::<1>()?);
    let [first, second, third] = fields.array()?;
    Ok((head == (1, SHA256, [3])).then(|| u32::from_le_bytes([first, second, third, 0])))
}

/// Bytes behind their length.
fn sized<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let length = fields.u16_be()?;
    fields.take(length.into())
}

struct Command {
    name: &'static str,
    tag: u16,
    bytes: Vec<u8>,
}

impl Command {
    fn new(name: &'static str, tag: u16, code: u32) -> Self {
        // Its length is put in when it is known.
        Self { name, tag, bytes: Vec::new() }.u16(tag).u32(0).u32(code)
    }

    fn u16(self, number: u16) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn u32(self, number: u32) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// Sends it, and reads the answer to its end.
    fn send<T>(
        mut self,
        transmit: &mut Transmit<'_>,
        read: impl Fn(&mut Reader<'_>) -> Result<Option<T>, Short>,
    ) -> Result<T, TpmError> {
        let none = TpmError::Answer(self.name);
        let length = u32::try_from(self.bytes.len()).map_err(|_| none.clone())?;
        self.bytes[2..6].copy_from_slice(&length.to_be_bytes());
        let mut sent = 0;
        loop {
            sent += 1;
            let answer = transmit(&self.bytes).map_err(TpmError::Transmit)?;
            match self.parse(&answer, &read).unwrap_or(Err(none.clone())) {
                Err(TpmError::Refused { code, .. }) if BUSY.contains(&code) && sent < MOST_SUBMISSIONS => {}
                parsed => return parsed,
            }
        }
    }

    fn parse<T>(
        &self,
        answer: &[u8],
        read: impl Fn(&mut Reader<'_>) -> Result<Option<T>, Short>,
    ) -> Result<Result<T, TpmError>, Short> {
        let none = Err(TpmError::Answer(self.name));
        let mut fields = Reader::new(answer);
        let (tag, length, code) = (fields.u16_be()?, fields.u32_be()?, fields.u32_be()?);
        if length as usize != answer.len() {
            return Ok(none);
        }
        if code != 0 {
            return Ok(Err(TpmError::Refused { command: self.name, code }));
        }
        if tag != self.tag {
            return Ok(none);
        }
        // With passwords the parameters stand behind their length, and what was authorised behind them.
        let length = if tag == SESSIONS { fields.u32_be()? as usize } else { fields.rest().len() };
        let mut parameters = Reader::new(fields.take(length)?);
        let parsed = read(&mut parameters)?;
        Ok(parsed.filter(|_| parameters.rest().is_empty()).map_or(none, Ok))
    }
}
