//! Giving the room of what was deleted back to the disk.
//!
//! It is done by a connection of its own: who reads meanwhile, by that of the store, finds the database as it was and waits
//! for nothing. Who writes waits, as for any other write.

use crate::schema;
use crate::store::Durability;
use crate::text::failed;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use welkin_records::StoreError;

/// The database is written anew when one page in so many is free: pages that are free are used again, and
/// a prune of one run must not copy a database of gigabytes.
const WORTH: i64 = 10;

/// Gives the room of deleted rows back to the disk, where there is much of it: as long as it takes to copy the database.
pub(crate) fn shrink(path: &Path, durability: Durability) -> Result<(), StoreError> {
    let failed = |source| failed("making the database smaller", source);
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    schema::prepare(&db)?;
    db.pragma_update(None, "synchronous", durability.synchronous()).map_err(failed)?;
    let pragma = |name: &str| -> Result<i64, StoreError> {
        db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).map_err(failed)
    };
    if pragma("freelist_count")? * WORTH >= pragma("page_count")? {
        db.execute_batch("VACUUM").map_err(failed)?;
    }
    // Others who read just now keep the log as long as it is.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)
}

/// Bytes on the disk, with what is not in the database itself yet.
pub(crate) fn size(path: &Path) -> u64 {
    let mut log = path.to_owned().into_os_string();
    log.push("-wal");
    [path, Path::new(&log)].iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum()
}
