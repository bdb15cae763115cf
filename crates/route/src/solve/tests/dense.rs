//! A linear program solved the schoolbook way: full tableau, Bland's rule, one artificial variable. It shares
//! no line with the solver that it judges.

const ZERO: f64 = 1e-9;

/// The highest `gain · x` with `x ≥ 0` under `row · x ≤ limit`; `None` when nothing satisfies the rows.
pub(super) fn maximise(gain: &[f64], rows: &[(Vec<f64>, f64)]) -> Option<f64> {
    let (height, width) = (rows.len(), gain.len());
    // Columns: variables, slacks, the artificial one, the right side.
    let artificial = width + height;
    let mut table: Vec<Vec<f64>> = rows
        .iter()
        .enumerate()
        .map(|(at, (row, limit))| {
            let mut line = vec![0.0; artificial + 2];
            line[..width].copy_from_slice(row);
            line[width + at] = 1.0;
            line[artificial] = -1.0;
            line[artificial + 1] = *limit;
            line
        })
        .collect();
    let mut basis: Vec<usize> = (width..artificial).collect();
    let lowest = (0..height).min_by(|a, b| rows[*a].1.total_cmp(&rows[*b].1));
    if let Some(row) = lowest.filter(|row| rows[*row].1 < 0.0) {
        let mut costs = vec![0.0; artificial + 2];
        costs[artificial] = 1.0;
        pivot(&mut table, &mut costs, &mut basis, row, artificial);
        run(&mut table, &mut costs, &mut basis, artificial + 1);
        if costs[artificial + 1] < -1e-7 {
            return None;
        }
        if let Some(row) = basis.iter().position(|column| *column == artificial) {
            let column = (0..artificial).find(|column| table[row][*column].abs() > 1e-7);
            if let Some(column) = column {
                pivot(&mut table, &mut costs, &mut basis, row, column);
            }
        }
    }
    let mut costs = vec![0.0; artificial + 2];
    for (cost, gain) in costs.iter_mut().zip(gain) {
        *cost = -gain;
    }
    for (row, column) in basis.iter().enumerate() {
        let factor = costs[*column];
        for (cost, entry) in costs.iter_mut().zip(&table[row]) {
            *cost -= factor * entry;
        }
    }
    run(&mut table, &mut costs, &mut basis, artificial);
    Some(costs[artificial + 1])
}

fn run(table: &mut [Vec<f64>], costs: &mut [f64], basis: &mut [usize], columns: usize) {
    let right = costs.len() - 1;
    while let Some(column) = (0..columns).find(|column| costs[*column] < -ZERO) {
        let rows = (0..table.len()).filter(|row| table[*row][column] > ZERO);
        let ratio = |row: usize| table[row][right] / table[row][column];
        let row = rows.min_by(|a, b| ratio(*a).total_cmp(&ratio(*b)).then(basis[*a].cmp(&basis[*b])));
        pivot(table, costs, basis, row.expect("every test is bounded"), column);
    }
}

fn pivot(table: &mut [Vec<f64>], costs: &mut [f64], basis: &mut [usize], row: usize, column: usize) {
    let scale = table[row][column];
    for entry in &mut table[row] {
        *entry /= scale;
    }
    let line = table[row].clone();
    let others =
        table.iter_mut().enumerate().filter(|(at, _)| *at != row).map(|(_, other)| other.as_mut_slice());
    for other in others.chain([costs]) {
        let factor = other[column];
        for (entry, pivot) in other.iter_mut().zip(&line) {
            *entry -= factor * pivot;
        }
    }
    basis[row] = column;
}
