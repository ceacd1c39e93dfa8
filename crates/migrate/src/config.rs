//! `[check]` of `lsconfig.toml`.

/// What a project wants to be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckConfig {
    /// Codes to report; all where empty.
    pub select: Vec<String>,
    /// Codes not to report.
    pub ignore: Vec<String>,
    /// Patterns of files that are not read, as in `.gitignore`.
    pub exclude: Vec<String>,
}

/// A file of settings for the tool is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// A key is unknown or has the wrong type.
    #[error("`check.{key}` is not a list of texts")]
    Type {
        /// The key.
        key: String,
    },
    /// A key is unknown.
    #[error("`check.{key}` is unknown; known are `select`, `ignore` and `exclude`")]
    Unknown {
        /// The key.
        key: String,
    },
}

impl CheckConfig {
    /// Reads the table `[check]`; other tables are not looked at.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a text that is no TOML and for keys of `[check]` that are wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let document: toml_edit::Document<&str> = toml_edit::Document::parse(text)
            .map_err(|e| ConfigError::Syntax(e.message().to_owned()))?;
        let mut config = Self::default();
        let Some(table) = document.get("check").and_then(|item| item.as_table_like()) else {
            return Ok(config);
        };
        for (key, item) in table.iter() {
            let list = match key {
                "select" => &mut config.select,
                "ignore" => &mut config.ignore,
                "exclude" => &mut config.exclude,
                _ => {
                    return Err(ConfigError::Unknown {
                        key: key.to_owned(),
                    });
                }
            };
            let wrong = || ConfigError::Type {
                key: key.to_owned(),
            };
            for value in item.as_array().ok_or_else(wrong)? {
                list.push(value.as_str().ok_or_else(wrong)?.to_owned());
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let config =
            CheckConfig::parse("[other]\nx = 1\n[check]\nignore = [\"edge-port\"]\n").unwrap();
        assert_eq!(config.ignore, ["edge-port"]);
        assert_eq!(CheckConfig::parse("").unwrap(), CheckConfig::default());
        for wrong in [
            "[check]\nselect = 1",
            "[check]\nfoo = []",
            "[check",
            "[check]\nselect = [1]",
        ] {
            assert!(CheckConfig::parse(wrong).is_err(), "{wrong}");
        }
    }
}
