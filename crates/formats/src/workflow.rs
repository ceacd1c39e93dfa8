//! GitHub workflows: the containers of a job, its services, and the variables that its steps see.
//!
//! Expressions (`${{ ... }}`) stay as they are written: their values are known on a runner only.

use crate::place::{Lines, Placed, Variable};
use crate::tree::{Node, parse_yaml};

/// A workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workflow {
    /// Its jobs, in the order of the file.
    pub jobs: Vec<Job>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its key.
    pub key: Placed,
    /// The container in which its steps run; on the runner itself when absent.
    pub container: Option<Container>,
    /// The containers that run beside it, by the names that Docker's DNS gives them.
    pub services: Vec<(Placed, Container)>,
    /// What steps see: variables of the workflow, the job and its steps, the nearest last.
    pub env: Vec<Variable>,
}

/// A container of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its image.
    pub image: Option<Placed>,
    /// The ports that are published on the runner, as written.
    pub ports: Vec<Placed>,
    /// Its environment.
    pub env: Vec<Variable>,
    /// Where volumes are mounted, as written.
    pub volumes: Vec<Placed>,
    /// Flags of `docker create`.
    pub options: Option<Placed>,
}

/// Returns whether a text of YAML is a workflow, by its keys.
#[must_use]
pub fn is_workflow(text: &str) -> bool {
    let Ok(roots) = parse_yaml(text) else {
        return false;
    };
    // YAML 1.1 reads a plain `on` as true; here keys are texts.
    let mut roots = roots.iter();
    roots.any(|root| root.get("jobs").is_some() && root.get("on").is_some())
}

/// Reads a workflow.
///
/// # Errors
/// When the text is no YAML; the message names the line.
pub fn read(text: &str) -> Result<Workflow, String> {
    let roots = parse_yaml(text)?;
    let lines = Lines::new(text);
    let mut workflow = Workflow::default();
    for root in &roots {
        let common = lines.variables(value(root, "env"));
        let jobs = value(root, "jobs").map(Node::entries).unwrap_or_default();
        for entry in jobs {
            let node = &entry.value;
            let mut env = common.clone();
            env.extend(lines.variables(value(node, "env")));
            let steps = value(node, "steps").map(Node::list).unwrap_or_default();
            for step in steps {
                env.extend(lines.variables(value(step, "env")));
            }
            let services = value(node, "services").map(Node::entries);
            workflow.jobs.push(Job {
                key: lines.scalar(&entry.key),
                container: value(node, "container").map(|node| container(&lines, node)),
                services: services
                    .unwrap_or_default()
                    .iter()
                    .map(|entry| (lines.scalar(&entry.key), container(&lines, &entry.value)))
                    .collect(),
                env,
            });
        }
    }
    Ok(workflow)
}

/// A name of an image, or a mapping that has one.
fn container(lines: &Lines<'_>, node: &Node) -> Container {
    if let Some(image) = lines.text(node) {
        return Container {
            image: Some(image),
            ..Container::default()
        };
    }
    let texts = |key| value(node, key).map_or_else(Vec::new, |node| lines.texts(node));
    Container {
        image: value(node, "image").and_then(|node| lines.text(node)),
        ports: texts("ports"),
        env: lines.variables(value(node, "env")),
        volumes: texts("volumes"),
        options: value(node, "options").and_then(|node| lines.text(node)),
    }
}

fn value<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    Some(&node.get(key)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "on: push
env:
  AWS_REGION: us-east-1
jobs:
  test:
    container: node:20
    services:
      localstack:
        image: localstack/localstack:4.12
        ports: [\"4566:4566\", 4510]
        env: {SERVICES: s3}
    steps:
      - run: npm test
        env:
          AWS_ENDPOINT_URL: http://localhost:4566
";

    #[test]
    fn jobs_have_services_and_the_variables_of_their_steps() {
        assert!(is_workflow(TEXT) && !is_workflow("services: {}"));
        let workflow = read(TEXT).unwrap();
        let [job] = workflow.jobs.as_slice() else {
            panic!("{workflow:?}")
        };
        assert_eq!(
            (job.key.text.as_str(), job.key.line, job.key.column),
            ("test", 5, 3)
        );
        let image = |c: &Container| c.image.clone().map(|i| i.text);
        assert_eq!(
            image(job.container.as_ref().unwrap()).as_deref(),
            Some("node:20")
        );
        let (name, service) = &job.services[0];
        assert_eq!(name.text, "localstack");
        let ports: Vec<&str> = service.ports.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(ports, ["4566:4566", "4510"]);
        assert_eq!(service.env[0].value.text, "s3");
        let last = job.env.last().unwrap();
        assert_eq!(last.value.text, "http://localhost:4566");
        assert_eq!((last.value.line, last.value.column), (15, 29));
    }

    #[test]
    fn what_is_no_workflow_gives_no_jobs() {
        assert!(read("a: [").is_err());
        for text in [
            "",
            "jobs: 3",
            "jobs: {a: }",
            "jobs: {a: {services: [1], container: {}}}",
        ] {
            let workflow = read(text).unwrap();
            assert!(
                workflow.jobs.iter().all(|j| j.services.is_empty()),
                "{text}"
            );
        }
    }
}
