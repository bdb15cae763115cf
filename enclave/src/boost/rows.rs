//! Rows of sealed data sets in memory, with the columns that a recipe names and no others.
//!
//! Everything that owners say of their files is held against bounds before memory is taken for it: how many rows, and how large the
//! columns are that are read at once. Arrow's own schema inside of a file, which its writer may have made up, is not looked at.

use super::numbers::{Wrong, is_number, numbers, numbers_or_none, whole};
use crate::engine::{Data, EngineError, SealedPart};
use crate::privacy::persons;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema};
use welkin_boost::{Column, Features, Kind, PrivateRows, Recipe};
use welkin_privacy::Person;

/// Reads the rows of data sets, one behind the other.
pub(super) fn read(recipe: &Recipe, inputs: &[Data], memory: u64) -> Result<welkin_boost::Data, EngineError> {
    let rows: u64 = inputs.iter().flat_map(|input| &input.parts).map(SealedPart::rows).sum();
    let rows = usize::try_from(rows).map_err(|_| EngineError::Rows { needs: u64::MAX, memory })?;
    let mut table = Table::new(recipe, rows);
    table.read_all(inputs, memory)?;
    table.finish(recipe, rows)
}

/// Reads rows of which nothing may be told by an error: a value that is no number is missing, and whatever a row has it is taken.
pub(super) fn read_as_it_is(
    recipe: &Recipe,
    person: Option<&str>,
    inputs: &[Data],
    memory: u64,
) -> Result<PrivateRows, EngineError> {
    let mut table = Table::new(recipe, 0);
    table.columns.extend(person.map(|name| (name, Role::Person)));
    table.as_it_is = true;
    table.read_all(inputs, memory)?;
    let Table { features, labels, persons, .. } = table;
    Ok(PrivateRows { features, labels, persons })
}

/// What a column becomes.
#[derive(Clone, Copy)]
enum Role {
    Feature(usize),
    Label,
    Weight,
    Id,
    Group,
    Person,
}

struct Table<'a> {
    columns: Vec<(&'a str, Role)>,
    features: Vec<Vec<f32>>,
    labels: Vec<f32>,
    weights: Vec<f32>,
    ids: Vec<u64>,
    groups: Vec<u64>,
    persons: Vec<Option<Person>>,
    /// Whatever values are, they are no error.
    as_it_is: bool,
}

impl<'a> Table<'a> {
    fn new(recipe: &'a Recipe, rows: usize) -> Self {
        let features = recipe.features.iter().enumerate();
        let mut columns: Vec<_> =
            features.map(|(number, name)| (name.as_str(), Role::Feature(number))).collect();
        columns.push((&recipe.label, Role::Label));
        columns.extend(recipe.weight.as_deref().map(|name| (name, Role::Weight)));
        columns.extend(recipe.id.as_deref().map(|name| (name, Role::Id)));
        columns.extend(recipe.qid.as_deref().map(|name| (name, Role::Group)));
        Self {
            columns,
            features: recipe.features.iter().map(|_| Vec::with_capacity(rows)).collect(),
            labels: Vec::with_capacity(rows),
            weights: Vec::new(),
            ids: Vec::new(),
            groups: Vec::new(),
            persons: Vec::new(),
            as_it_is: false,
        }
    }

    fn read_all(&mut self, inputs: &[Data], memory: u64) -> Result<(), EngineError> {
        let mut parts = inputs.iter().flat_map(|input| input.parts.iter().map(move |part| (input, part)));
        parts.try_for_each(|(input, part)| self.read(input, part, memory))
    }

    fn read(&mut self, input: &Data, part: &SealedPart, memory: u64) -> Result<(), EngineError> {
        let schema = part.metadata.file_metadata().schema_descr();
        let unreadable = |_| EngineError::Untrained("a sealed file has columns that cannot be read");
        let fields = parquet_to_arrow_schema(schema, None).map_err(unreadable)?;
        let mut places = Vec::new();
        for (name, role) in &self.columns {
            let wrong = |what| wrong(input, name, what);
            let mut found = fields.fields().iter().enumerate().filter(|(_, field)| field.name() == name);
            let (place, field) = found.next().ok_or_else(|| wrong("is not there"))?;
            if found.next().is_some() {
                return Err(wrong("is there twice"));
            }
            if !matches!(role, Role::Person) && !is_number(field.data_type()) {
                return Err(wrong("is of a type that is no number"));
            }
            places.push((place, *name, *role));
        }
        let mask = ProjectionMask::roots(schema, places.iter().map(|(place, ..)| *place));
        bounded(part, &mask, memory)?;
        places.sort_by_key(|(place, ..)| *place);
        self.read_columns(input, part, mask, &places)
    }

    /// Columns come in the order of the file.
    fn read_columns(
        &mut self,
        input: &Data,
        part: &SealedPart,
        mask: ProjectionMask,
        places: &[(usize, &'a str, Role)],
    ) -> Result<(), EngineError> {
        let changed = || EngineError::Untrained("a sealed file cannot be read: it was changed meanwhile");
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(part.metadata.clone(), options).map_err(|_| changed())?;
        let file = part.file.try_clone().map_err(|_| changed())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(mask)
            .build()
            .map_err(|_| changed())?;
        let mut left = part.rows();
        for batch in reader {
            let batch = batch.map_err(|_| changed())?;
            left = left.checked_sub(batch.num_rows() as u64).ok_or_else(changed)?;
            for (column, (_, name, role)) in batch.columns().iter().zip(places) {
                let taken = match role {
                    Role::Feature(number) if self.as_it_is => {
                        numbers_or_none(column, &mut self.features[*number])
                    }
                    Role::Label if self.as_it_is => numbers_or_none(column, &mut self.labels),
                    Role::Person => persons(column)
                        .map(|persons| self.persons.extend(persons))
                        .map_err(|_| "is of a type that tells no persons apart"),
                    Role::Feature(number) => numbers(column, &mut self.features[*number]),
                    Role::Label => numbers(column, &mut self.labels),
                    Role::Weight => numbers(column, &mut self.weights),
                    Role::Id => whole(column, &mut self.ids),
                    Role::Group => whole(column, &mut self.groups),
                };
                taken.map_err(|what| wrong(input, name, what))?;
            }
        }
        if left == 0 { Ok(()) } else { Err(changed()) }
    }

    fn finish(self, recipe: &Recipe, rows: usize) -> Result<welkin_boost::Data, EngineError> {
        let Self { features, labels, weights, ids, groups, .. } = self;
        if labels.iter().any(|label| !label.is_finite()) {
            return Err(EngineError::Untrained("a row has no label, or one that is no finite number"));
        }
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
            return Err(EngineError::Untrained("a row has no weight, or one that is no number from 0"));
        }
        let columns = recipe.features.iter().zip(features).map(|(name, values)| {
            let category = recipe.categories.contains(name);
            (name.clone(), if category { Kind::Category } else { Kind::Number }, Column::Dense(values))
        });
        let features = Features::new(rows, columns.collect())
            .map_err(|_| EngineError::Untrained("a value is too large, or no category"))?;
        Ok(welkin_boost::Data { features, labels, weights, ids, groups })
    }
}

fn wrong(input: &Data, column: &str, what: Wrong) -> EngineError {
    let table = format!("{}/{}, version {},", input.party, input.name, input.version);
    EngineError::Column { table, column: column.to_owned(), what }
}

/// The columns of a row group may be in memory at once.
fn bounded(part: &SealedPart, mask: &ProjectionMask, memory: u64) -> Result<(), EngineError> {
    for group in part.metadata.row_groups() {
        let read = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
        let sizes = read.map(|(_, column)| u64::try_from(column.uncompressed_size()).unwrap_or(u64::MAX));
        let needs = sizes.fold(0, u64::saturating_add);
        if needs > memory {
            return Err(EngineError::Rows { needs, memory });
        }
    }
    Ok(())
}
