//! Pairs places that are still free with devices that are left over, at the lowest total difference.

use std::collections::BTreeMap;

/// Maximum number of rows or columns for the exact method; larger inputs are paired greedily, cheapest pair first.
const EXACT: usize = 64;
/// Cost of a row that stays alone: more than any allowed pair. A forbidden pair costs twice as much.
const NEVER: u64 = 1 << 32;

/// Pairs rows with columns: as many pairs as possible, at the lowest total cost (up to `EXACT` rows and columns; beyond, greedily). `cost`
/// returns `None` for a forbidden pair. The pairs are `(row, column)`, in order of rows.
pub(super) fn pair(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<u64>) -> Vec<(usize, usize)> {
    if rows.max(columns) > EXACT { nearest(rows, columns, cost) } else { cheapest(rows, columns, cost) }
}

fn nearest(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<u64>) -> Vec<(usize, usize)> {
    // Cheapest pairs first; pairs of equal cost in the order of rows and columns, so that results are reproducible.
    let mut pairs: BTreeMap<u64, Vec<(usize, usize)>> = BTreeMap::new();
    for row in 0..rows {
        for column in 0..columns {
            if let Some(cost) = cost(row, column) {
                pairs.entry(cost).or_default().push((row, column));
            }
        }
    }
    let (mut taken_rows, mut taken_columns) = (vec![false; rows], vec![false; columns]);
    let mut found = Vec::new();
    for (row, column) in pairs.into_values().flatten() {
        if !taken_rows[row] && !taken_columns[column] {
            (taken_rows[row], taken_columns[column]) = (true, true);
            found.push((row, column));
        }
    }
    found.sort_unstable();
    found
}

/// Hungarian method, with one extra column per row that stands for "stays alone".
fn cheapest(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<u64>) -> Vec<(usize, usize)> {
    let width = columns + rows;
    let price = |row: usize, column: usize| -> i64 {
        let price =
            if column < columns { cost(row, column).map_or(2 * NEVER, |cost| cost.min(NEVER - 1)) } else { NEVER };
        i64::try_from(price).unwrap_or(i64::MAX / 4)
    };
    // Numbered from 1; column 0 stands for the row that is being placed.
    let (mut of_row, mut of_column) = (vec![0_i64; rows + 1], vec![0_i64; width + 1]);
    let mut row_at = vec![0_usize; width + 1];
    for row in 1..=rows {
        let mut way = vec![0_usize; width + 1];
        let mut least = vec![i64::MAX; width + 1];
        let mut is_used = vec![false; width + 1];
        row_at[0] = row;
        let mut column = 0;
        loop {
            is_used[column] = true;
            let (current, mut step, mut next) = (row_at[column], i64::MAX, 0);
            for other in (1..=width).filter(|other| !is_used[*other]) {
                let reduced = price(current - 1, other - 1) - of_row[current] - of_column[other];
                if reduced < least[other] {
                    (least[other], way[other]) = (reduced, column);
                }
                if least[other] < step {
                    (step, next) = (least[other], other);
                }
            }
            for other in 0..=width {
                if is_used[other] {
                    of_row[row_at[other]] += step;
                    of_column[other] -= step;
                } else if least[other] < i64::MAX {
                    least[other] -= step;
                }
            }
            column = next;
            if row_at[column] == 0 {
                break;
            }
        }
        while column != 0 {
            row_at[column] = row_at[way[column]];
            column = way[column];
        }
    }
    let placed = (1..=columns).filter(|column| row_at[*column] > 0).map(|column| (row_at[column] - 1, column - 1));
    let mut found: Vec<(usize, usize)> = placed.filter(|(row, column)| cost(*row, *column).is_some()).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Largest number of pairs and its lowest cost, by brute force.
    fn best(costs: &[Vec<Option<u64>>], row: usize, taken: u32) -> (usize, u64) {
        let Some(own) = costs.get(row) else { return (0, 0) };
        let mut found = best(costs, row + 1, taken);
        for (column, cost) in own.iter().enumerate().filter(|(column, _)| taken >> column & 1 == 0) {
            let Some(cost) = cost else { continue };
            let (pairs, rest) = best(costs, row + 1, taken | 1 << column);
            let this = (pairs + 1, rest + cost);
            if this.0 > found.0 || this.0 == found.0 && this.1 < found.1 {
                found = this;
            }
        }
        found
    }

    proptest! {
        #[test]
        fn the_most_pairs_are_made_at_the_least_cost(
            costs in prop::collection::vec(prop::collection::vec(prop::option::of(0_u64..20), 5), 0..6), columns in 0_usize..6,
        ) {
            let costs: Vec<Vec<Option<u64>>> = costs.into_iter().map(|row| row.into_iter().take(columns).collect()).collect();
            let columns = costs.first().map_or(0, Vec::len);
            let pairs = pair(costs.len(), columns, |row, column| costs[row][column]);
            let total: u64 = pairs.iter().filter_map(|(row, column)| costs[*row][*column]).sum();
            prop_assert_eq!((pairs.len(), total), best(&costs, 0, 0));
        }
    }

    #[test]
    fn many_are_paired_by_nearness() {
        let pairs = pair(100, 100, |row, column| Some(row.abs_diff(column) as u64));
        assert!(pairs.len() == 100 && pairs.iter().all(|(row, column)| row == column));
    }
}
