//! People, their sign-in, and the secret that their tokens are signed with.

use gavelscope_contract::UserId;
use gavelscope_contract::auth::User;

use super::rows::UserRow;
use super::{Store, StoreError, new_id};

impl Store {
    /// The value of a setting; where there is none, `fresh` becomes it.
    pub(crate) async fn setting_or(&self, name: &str, fresh: String) -> Result<String, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(fresh)
            .execute(&mut *tx)
            .await?;
        let value = sqlx::query_scalar("SELECT value FROM settings WHERE name = ?")
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
            "INSERT INTO users (id, name, email, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (email) DO NOTHING",
        )
        .bind(new_id())
        .bind(name)
        .bind(email)
        .bind(self.now())
        .execute(&mut *tx)
        .await?;
        let row: UserRow = sqlx::query_as("SELECT * FROM users WHERE email = ?")
            .bind(email)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok((row.into_user(), made.rows_affected() == 1))
    }

    /// A user.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let row: Option<UserRow> = sqlx::query_as("SELECT * FROM users WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(UserRow::into_user))
    }

    /// Gives a user another name.
    pub(crate) async fn rename_user(&self, id: &UserId, name: &str) -> Result<Option<User>, StoreError> {
        sqlx::query("UPDATE users SET name = ? WHERE id = ?")
            .bind(name)
            .bind(id.as_str())
            .execute(&self.write)
            .await?;
        self.user(id).await
    }

    /// Marks a magic link as used; false where it was used before.
    pub(crate) async fn use_link(&self, link: &str, expires_at: i64) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM used_links WHERE expires_at < ?")
            .bind(self.now())
            .execute(&mut *tx)
            .await?;
        let used =
            sqlx::query("INSERT INTO used_links (link, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(link)
                .bind(expires_at)
                .execute(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(used.rows_affected() == 1)
    }
}
