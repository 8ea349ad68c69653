//! The contract in `wit/`, and what a finished component really imports and exports.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{IndexMap, PackageId, Resolve, World, WorldItem, WorldKey};

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

    /// A world of the package.
    pub(crate) fn world(&self, name: &str) -> Result<&World> {
        Ok(&self.resolve.worlds[self.resolve.select_world(&[self.package], Some(name))?])
    }

    /// The functions that a component of a world may import, by interface. Of the contract's own interfaces it may
    /// import types alone: no host offers their functions.
    fn imports(&self, world: &str) -> Result<Interfaces> {
        let mut imports = functions(&self.resolve, &self.world(world)?.imports);
        for id in self.resolve.packages[self.package].interfaces.values() {
            let name = self.resolve.id_of(*id).context("has a name")?;
            imports.entry(name).and_modify(Vec::clear);
        }
        Ok(imports)
    }

    /// The functions that a component of a world may import, as `elks-sandbox` takes them: interface and name, one a
    /// line.
    ///
    /// # Errors
    /// wit/ has no such world.
    pub fn import_list(&self, world: &str) -> Result<String> {
        let imports = self.imports(world)?;
        let line = |interface: &str, name: &str| format!("{interface} {name}\n");
        Ok(imports.iter().flat_map(|(interface, names)| names.iter().map(move |name| line(interface, name))).collect())
    }

    /// The functions that a component of a world must export, by interface.
    fn exports(&self, world: &str) -> Result<Interfaces> {
        Ok(functions(&self.resolve, &self.world(world)?.exports))
    }

    /// Checks that a component imports no function that a world does not list, and exports each of its functions.
    ///
    /// # Errors
    /// The first function that is not permitted or missing, by name.
    pub fn check(&self, component: &[u8], world: &str) -> Result<()> {
        let (imports, exports) = interfaces(&decode(component)?)?;
        let listed = self.imports(world)?;
        for (interface, functions) in &imports {
            let allowed =
                listed.get(interface).with_context(|| format!("it imports {interface}, which wit/ does not list"))?;
            for function in functions {
                ensure!(allowed.contains(function), "it imports {function} of {interface}, which wit/ does not list");
            }
        }
        for (interface, functions) in self.exports(world)? {
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
pub(crate) fn decode(component: &[u8]) -> Result<DecodedWasm> {
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
/// [`OF_THE_WORLD`], which the list of imports of no world here contains.
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
