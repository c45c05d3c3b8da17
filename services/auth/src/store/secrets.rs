//! Random secrets that the replicas share.

use fenz_database::{DbError, insert_absent};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::entity::secret::{ActiveModel, Entity};

/// The secret of a name. Of replicas that start at the same time the value of one is
/// kept.
pub async fn get_or_insert(db: &impl ConnectionTrait, name: &str, value: String) -> Result<String, DbError> {
    if let Some(row) = Entity::find_by_id(name).one(db).await? {
        return Ok(row.value);
    }
    insert_absent(db, [ActiveModel { name: Set(name.to_owned()), value: Set(value) }]).await?;
    let row = Entity::find_by_id(name).one(db).await?;
    row.map(|row| row.value).ok_or_else(|| DbError::malformed("a secret was removed"))
}
