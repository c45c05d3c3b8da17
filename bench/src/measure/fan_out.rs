//! A publication as the original design stores it, on MariaDB: a row for each
//! subscriber.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, progress};
use crate::{
    fleet::Fleet,
    mariadb::MariaDb,
    stats::{median, milliseconds},
};

const TABLES: [&str; 2] = [
    "CREATE TABLE memberships (channel_id BIGINT NOT NULL, user_id BIGINT NOT NULL, tier TINYINT NOT NULL, \
     PRIMARY KEY (channel_id, user_id))",
    "CREATE TABLE notifications (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, \
     type VARCHAR(20) NOT NULL, title VARCHAR(200) NOT NULL, message TEXT NOT NULL, is_read BOOLEAN NOT NULL, \
     created_at DATETIME NOT NULL, KEY (user_id, created_at))",
];
const PUBLICATION: &str = "INSERT INTO notifications (user_id, type, title, message, is_read, created_at) \
                           SELECT user_id, 'new_video', 'New video', 'A channel published Seven bridges', FALSE, now() \
                           FROM memberships WHERE channel_id = 1";

/// The median duration of the statement that inserts the rows, in milliseconds.
pub fn row_per_subscriber(bench: &Bench, fleet: &Fleet, subscribers: i64) -> Result<f64> {
    let mariadb = MariaDb::create(fleet.runtime.clone(), "fan_out")?;
    for table in TABLES {
        mariadb.run(table)?;
    }
    mariadb.run(&format!("INSERT INTO memberships SELECT 1, seq, 1 FROM seq_1_to_{subscribers}"))?;
    let rounds = if bench.quick { 1 } else { 3 };
    let took = (0..rounds).map(|_| mariadb.run(PUBLICATION)).collect::<Result<Vec<Duration>>>()?;
    progress(format_args!("{subscribers} rows on MariaDB after {took:.1?}"));
    Ok(median(&milliseconds(&took)))
}
