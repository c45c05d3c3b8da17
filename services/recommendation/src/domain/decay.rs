//! The weight of a view in popularity, by its age.

/// The weight halves every day.
const HALF_LIFE_HOURS: f64 = 24.0;
/// Retention of hourly totals: the longest window plus a day.
pub const RETENTION_HOURS: i32 = 31 * 24;

/// The weight of a view of this age.
pub fn weight(age_hours: i32) -> f64 {
    (-f64::from(age_hours) / HALF_LIFE_HOURS).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_halves_every_day() {
        assert!((weight(0) - 1.0).abs() < f64::EPSILON);
        assert!((weight(24) - 0.5).abs() < f64::EPSILON);
        assert!((weight(48) - 0.25).abs() < f64::EPSILON);
        assert!(weight(RETENTION_HOURS) > 0.0);
    }
}
