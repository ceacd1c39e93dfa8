//! Whether this program stands on the machine of the engine: only then what it tries is what a
//! process there would see.

use serde_json::Value;

use super::Address;
use crate::facts::Standing;

/// What is known of the machine, or container, that this program runs on. The caller reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its host name.
    pub name: Option<String>,
    /// The release of its Linux kernel; `None` on other systems.
    pub kernel: Option<String>,
}

/// Products that run the engine in a virtual machine, by what `/info` says of the system there.
const SYSTEMS: [&str; 3] = ["Docker Desktop", "OrbStack", "Rancher Desktop"];
/// The names of such machines.
const NAMES: [&str; 5] = [
    "docker-desktop",
    "colima",
    "lima-",
    "orbstack",
    "podman-machine",
];

/// Says how this program stands to the machine that `GET /info` describes.
///
/// A socket in the file system says little: the one of Docker Desktop leads into a virtual machine,
/// a mounted one leads out of a container, and a forwarded one anywhere.
#[must_use]
pub fn standing(info: &Value, address: &Address, own: &Machine) -> Option<Standing> {
    if !address.is_local() {
        return Some(Standing::Elsewhere);
    }
    let text = |key: &str| info.get(key).and_then(Value::as_str);
    let name = text("Name");
    let same_name = name.is_some() && name == own.name.as_deref();
    let packaged = SYSTEMS
        .iter()
        .any(|s| text("OperatingSystem").is_some_and(|os| os.contains(s)))
        || NAMES
            .iter()
            .any(|n| name.is_some_and(|name| name.starts_with(n)));
    if packaged && !same_name {
        return Some(Standing::VirtualMachine);
    }
    // Engines run on Linux: on another system one that is near is in a virtual machine.
    let Some(kernel) = own.kernel.as_deref() else {
        return Some(Standing::VirtualMachine);
    };
    match (same_name, text("KernelVersion") == Some(kernel)) {
        (true, true) => Some(Standing::SameMachine),
        // One kernel and two names: a container with a mounted socket.
        (false, true) if name.is_some() && own.name.is_some() => Some(Standing::Elsewhere),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_socket_alone_does_not_make_it_this_machine() {
        let linux = |name: &str| Machine {
            name: Some(name.into()),
            kernel: Some("6.1.0".into()),
        };
        let mac = Machine {
            name: Some("mac.local".into()),
            kernel: None,
        };
        let info = |os: &str, name: &str, kernel: &str| json!({"OperatingSystem": os, "Name": name, "KernelVersion": kernel});
        let unix = Address::Unix("/var/run/docker.sock".into());
        let debian = info("Debian GNU/Linux 12", "box", "6.1.0");
        let desktop = info("Docker Desktop", "docker-desktop", "6.6.1-linuxkit");
        let check = |info: &Value, own: &Machine| standing(info, &unix, own);
        assert_eq!(check(&debian, &linux("box")), Some(Standing::SameMachine));
        assert_eq!(
            check(&debian, &linux("0123456789ab")),
            Some(Standing::Elsewhere)
        );
        assert_eq!(check(&desktop, &mac), Some(Standing::VirtualMachine));
        assert_eq!(
            check(&desktop, &linux("box")),
            Some(Standing::VirtualMachine)
        );
        assert_eq!(
            check(&info("Ubuntu", "colima", "6.8"), &mac),
            Some(Standing::VirtualMachine)
        );
        assert_eq!(
            check(&info("Ubuntu", "other", "6.8"), &mac),
            Some(Standing::VirtualMachine)
        );
        assert_eq!(check(&info("Ubuntu", "other", "6.8"), &linux("box")), None);
        assert_eq!(check(&json!({}), &linux("box")), None);
        let remote = Address::Tcp("10.0.0.1:2375".into());
        assert_eq!(
            standing(&debian, &remote, &linux("box")),
            Some(Standing::Elsewhere)
        );
    }
}
