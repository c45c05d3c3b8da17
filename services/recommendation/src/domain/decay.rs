//! How much a view still counts for popularity.

/// A day after it, a view counts half.
const HALF_LIFE_HOURS: f64 = 24.0;
/// Hourly totals are kept this long: the longest window and a day.
pub const KEPT_HOURS: i32 = 31 * 24;

/// What a view of so many hours ago counts.
pub fn weight(age_hours: i32) -> f64 {
    (-f64::from(age_hours) / HALF_LIFE_HOURS).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_counts_half_after_a_day() {
        assert!((weight(0) - 1.0).abs() < f64::EPSILON);
        assert!((weight(24) - 0.5).abs() < f64::EPSILON);
        assert!((weight(48) - 0.25).abs() < f64::EPSILON);
        assert!(weight(KEPT_HOURS) > 0.0);
    }
}
