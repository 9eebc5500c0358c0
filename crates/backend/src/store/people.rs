//! People, their sign-in, and the secret that their tokens are signed with.

use gavelscope_contract::UserId;
use gavelscope_contract::auth::User;

use super::rows::UserRow;
use super::{Store, StoreError, Tx, new_id};

/// Whether there is such a user.
pub(super) async fn is_known(tx: &mut Tx, user: &UserId) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM users WHERE id = $1")
        .bind(user.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.is_some())
}

impl Store {
    /// The value of a setting; where there is none, `fresh` becomes it.
    pub(crate) async fn setting_or(&self, name: &str, fresh: String) -> Result<String, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(fresh)
            .execute(&mut *tx)
            .await?;
        let value = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(value)
    }

    /// The user of an address, made where there is none; whether they were made.
    pub(crate) async fn user_of_email(&self, email: &str, name: &str) -> Result<(User, bool), StoreError> {
        let mut tx = self.begin().await?;
        let made = sqlx::query(
            "INSERT INTO users (id, name, email, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
        )
        .bind(new_id())
        .bind(name)
        .bind(email)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let row: UserRow = sqlx::query_as("SELECT * FROM users WHERE email = $1")
            .bind(email)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok((row.into_user(), made.rows_affected() == 1))
    }

    /// A user.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as("SELECT * FROM users WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(UserRow::into_user))
    }

    /// Gives a user another name.
    pub(crate) async fn rename_user(&self, id: &UserId, name: &str) -> Result<Option<User>, StoreError> {
        sqlx::query("UPDATE users SET name = $1 WHERE id = $2")
            .bind(name)
            .bind(id.as_str())
            .execute(&self.write)
            .await?;
        self.user(id).await
    }

    /// Marks a magic link as used; false where it was used before.
    pub(crate) async fn use_link(&self, link: &str, expires_at: i64) -> Result<bool, StoreError> {
        let used =
            sqlx::query("INSERT INTO used_links (link, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(link)
                .bind(expires_at)
                .execute(&self.write)
                .await?;
        // By itself: two that tidy up at once could wait for each other, and nobody's sign-in is to fail for that.
        let tidied = sqlx::query("DELETE FROM used_links WHERE expires_at < $1")
            .bind(self.now())
            .execute(&self.write)
            .await;
        if let Err(error) = tidied {
            tracing::debug!(%error, "links that have expired were not forgotten");
        }
        Ok(used.rows_affected() == 1)
    }
}
