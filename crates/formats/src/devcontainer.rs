//! Development containers: `devcontainer.json`, JSON with comments (containers.dev).

use crate::place::{Lines, Placed, Variable};
use crate::tree::{Node, Syntax, parse_brace};

/// A development container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DevContainer {
    /// Its image; absent where it is built, or comes from a Compose file.
    pub image: Option<Placed>,
    /// The Compose files, relative to the folder of this file.
    pub compose_files: Vec<Placed>,
    /// The service of those files that is the container.
    pub service: Option<Placed>,
    /// Flags of `docker run`, where no Compose file is used.
    pub run_args: Vec<Placed>,
    /// The variables of its processes: those of the container, then those of the editor's.
    pub env: Vec<Variable>,
    /// The features, by their full names.
    pub features: Vec<Placed>,
}

/// Reads a text.
///
/// # Errors
/// When it is no JSON, comments and last commas aside; the message names the line.
pub fn read(text: &str) -> Result<DevContainer, String> {
    let root = parse_brace(text, Syntax::Json)?;
    let lines = Lines::new(text);
    let value = |key: &str| -> Option<&Node> { Some(&root.get(key)?.value) };
    let one = |key| value(key).and_then(|node| lines.text(node));
    let all = |key| value(key).map_or_else(Vec::new, |node| lines.texts(node));
    let mut env = lines.variables(value("containerEnv"));
    env.extend(lines.variables(value("remoteEnv")));
    let features = value("features").map(Node::entries).unwrap_or_default();
    Ok(DevContainer {
        image: one("image"),
        compose_files: all("dockerComposeFile"),
        service: one("service"),
        run_args: all("runArgs"),
        env,
        features: features.iter().map(|f| lines.scalar(&f.key)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_its_compose_file_and_variables() {
        let text = "// for the team\n{\n  \"dockerComposeFile\": [\"../compose.yml\"],\n  \"service\": \"app\",\n  \"containerEnv\": {\"A\": \"1\",},\n  \"remoteEnv\": {\"AWS_ENDPOINT_URL\": \"http://localhost:4566\"},\n  \"features\": {\"ghcr.io/devcontainers/features/docker-in-docker:2\": {}},\n}\n";
        let read = read(text).unwrap();
        assert_eq!(read.compose_files[0].text, "../compose.yml");
        assert_eq!(read.service.unwrap().text, "app");
        let url = &read.env[1].value;
        assert_eq!(
            (url.text.as_str(), url.line, url.column),
            ("http://localhost:4566", 6, 38)
        );
        assert!(read.features[0].text.contains("docker-in-docker"));
        assert_eq!(super::read("{}").unwrap(), DevContainer::default());
        assert!(super::read("{").is_err());
    }
}
