//! The contract in `wit/`, and what a finished component really imports and exports.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{IndexMap, PackageId, Resolve, WorldItem, WorldKey};

/// The world whose imports and exports a component must have.
pub(crate) const WORLD: &str = "elks-sms";

/// The package in `wit/`.
pub struct Contract {
    pub(crate) resolve: Resolve,
    pub(crate) package: PackageId,
}

impl Contract {
    /// Reads the folder `wit/`.
    ///
    /// # Errors
    /// The folder is missing or holds no valid WIT.
    pub fn read(wit: &Path) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(wit).with_context(|| format!("cannot read {}", wit.display()))?;
        Ok(Self { resolve, package })
    }

    /// The functions that a component may import, by interface.
    fn imports(&self) -> Result<Interfaces> {
        let world = self.resolve.select_world(&[self.package], Some(WORLD))?;
        Ok(functions(&self.resolve, &self.resolve.worlds[world].imports))
    }

    /// The functions that a component may import, as `elks-sandbox` takes them: interface and name, one a line.
    ///
    /// # Errors
    /// wit/ has no such world.
    pub fn import_list(&self) -> Result<String> {
        let imports = self.imports()?;
        let line = |interface: &str, name: &str| format!("{interface} {name}\n");
        Ok(imports.iter().flat_map(|(interface, names)| names.iter().map(move |name| line(interface, name))).collect())
    }

    /// The functions that a component must export, by interface.
    fn exports(&self) -> Result<Interfaces> {
        let world = self.resolve.select_world(&[self.package], Some(WORLD))?;
        Ok(functions(&self.resolve, &self.resolve.worlds[world].exports))
    }

    /// Checks that a component imports no function that the contract does not list, and exports each of its tools.
    ///
    /// # Errors
    /// The first function that is not permitted or missing, by name.
    pub fn check(&self, component: &[u8]) -> Result<()> {
        let (imports, exports) = interfaces(&decode(component)?)?;
        let listed = self.imports()?;
        for (interface, functions) in &imports {
            let allowed =
                listed.get(interface).with_context(|| format!("it imports {interface}, which wit/ does not list"))?;
            for function in functions {
                ensure!(allowed.contains(function), "it imports {function} of {interface}, which wit/ does not list");
            }
        }
        for (interface, functions) in self.exports()? {
            for function in functions {
                let exported = exports.get(&interface).is_some_and(|exported| exported.contains(&function));
                ensure!(exported, "it does not export {function} of {interface}");
            }
        }
        Ok(())
    }
}

/// Stands for the interface of functions that belong to no interface.
const OF_THE_WORLD: &str = "(world)";

/// Names of functions by the name of their interface.
type Interfaces = BTreeMap<String, Vec<String>>;

/// What a finished component imports and exports, read from its bytes.
pub struct Description {
    /// Its imports and exports as WIT, without comments.
    pub wit: String,
    /// Its functions as JSON: `{"imports": {INTERFACE: [FUNCTION]}, "exports": {…}}`.
    pub interfaces: Value,
}

/// Describes a finished component.
///
/// # Errors
/// The bytes are no component.
pub fn describe(component: &[u8]) -> Result<Description> {
    let decoded = decode(component)?;
    let mut printer = WitPrinter::default();
    printer.emit_docs(false);
    let packages = decoded.resolve().packages.iter().map(|(id, _)| id);
    let others: Vec<_> = packages.filter(|id| *id != decoded.package()).collect();
    printer.print(decoded.resolve(), decoded.package(), &others)?;
    let (imports, exports) = interfaces(&decoded)?;
    Ok(Description { wit: printer.output.to_string(), interfaces: json!({"imports": imports, "exports": exports}) })
}

/// Takes a finished component apart.
fn decode(component: &[u8]) -> Result<DecodedWasm> {
    wit_component::decode(component).context("it is not a WebAssembly component")
}

/// The functions that a decoded component imports and exports.
///
/// # Errors
/// It is not a component.
fn interfaces(decoded: &DecodedWasm) -> Result<(Interfaces, Interfaces)> {
    let DecodedWasm::Component(resolve, world) = decoded else { bail!("it is not a WebAssembly component") };
    let world = &resolve.worlds[*world];
    Ok((functions(resolve, &world.imports), functions(resolve, &world.exports)))
}

/// The functions of a world's interfaces, in the order of the interface. Functions of the world itself stand under
/// [`OF_THE_WORLD`], which no list of imports contains.
fn functions(resolve: &Resolve, items: &IndexMap<WorldKey, WorldItem>) -> Interfaces {
    let mut found = Interfaces::new();
    for (key, item) in items {
        match item {
            WorldItem::Interface { id, .. } => {
                let names = resolve.interfaces[*id].functions.keys().cloned().collect();
                found.insert(resolve.name_world_key(key), names);
            }
            // A type has no code.
            WorldItem::Type { .. } => {}
            WorldItem::Function(function) => {
                found.entry(OF_THE_WORLD.into()).or_default().push(function.name.clone());
            }
        }
    }
    found
}
