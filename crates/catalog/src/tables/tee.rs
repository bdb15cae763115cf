//! Which machine types have a trusted execution environment.

use super::reader::{TableProblem, read};
use crate::TeeSet;
use crate::glob::Glob;

/// Rules by provider, machine type pattern and region pattern.
#[derive(Debug, Clone, Default)]
pub struct TeeRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    provider: String,
    instance_type: Glob,
    regions: Vec<Glob>,
    tee: TeeSet,
}

impl TeeRules {
    pub(super) fn parse(text: &str, problems: &mut Vec<TableProblem>) -> Self {
        let mut rules = Vec::new();
        let columns = ["provider", "type_glob", "regions_glob", "tee"];
        read("tee.csv", text, columns, problems, |row, problems| {
            let mut tee = TeeSet::default();
            for name in row.get(3).split([';', '+', '|']).map(str::trim).filter(|name| !name.is_empty()) {
                match tee_named(name) {
                    Some(kind) => tee = tee.union(kind),
                    None => problems.push(row.problem(format!("`{name}` is not a kind of TEE"))),
                }
            }
            if tee.is_empty() {
                problems.push(row.problem("no kind of TEE"));
                return;
            }
            let mut regions: Vec<Glob> = row.list(2).map(Glob::new).collect();
            if regions.is_empty() {
                regions.push(Glob::new("*"));
            }
            rules.push(Rule {
                provider: row.get(0).to_lowercase(),
                instance_type: Glob::new(row.get(1)),
                regions,
                tee,
            });
        });
        Self { rules }
    }

    /// The rules that concern one machine type of one provider, for [`Self::tee_in`].
    pub(crate) fn for_type(&self, provider: &str, instance_type: &str) -> Vec<u32> {
        (0_u32..)
            .zip(&self.rules)
            .filter(|(_, rule)| rule.provider == provider && rule.instance_type.matches(instance_type))
            .map(|(index, _)| index)
            .collect()
    }

    /// What those rules give in a region.
    pub(crate) fn tee_in(&self, rules: &[u32], region: &str) -> TeeSet {
        rules
            .iter()
            .filter_map(|&index| self.rules.get(index as usize))
            .filter(|rule| rule.regions.iter().any(|glob| glob.matches(region)))
            .fold(TeeSet::default(), |set, rule| set.union(rule.tee))
    }

    /// The trusted execution environments of a machine type in a region.
    #[must_use]
    pub fn tee(&self, provider: &str, instance_type: &str, region: &str) -> TeeSet {
        self.tee_in(&self.for_type(provider, instance_type), region)
    }
}

/// The kind with this name, as job files spell it.
pub(super) fn tee_named(name: &str) -> Option<TeeSet> {
    [TeeSet::SEV_SNP, TeeSet::SEV, TeeSet::TDX, TeeSet::SGX, TeeSet::NITRO, TeeSet::GPU_CC]
        .into_iter()
        .find(|kind| kind.names().any(|known| known.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_add_up_by_type_and_region() {
        let mut problems = Vec::new();
        let text = "provider,type_glob,regions_glob,tee,source_url,as_of\n\
                    azure,Standard_DC*as_v5,*,sev-snp,u,2026-01-01\n\
                    azure,Standard_DC*,eu*;west*,sgx,u,2026-01-01\n\
                    azure,Standard_X,*,magic,u,2026-01-01\n";
        let rules = TeeRules::parse(text, &mut problems);
        assert_eq!(problems.len(), 2, "{problems:?}");
        let tee = |region| rules.tee("azure", "Standard_DC4as_v5", region);
        assert_eq!(tee("eastus"), TeeSet::SEV_SNP);
        assert_eq!(tee("westeurope"), TeeSet::SEV_SNP.union(TeeSet::SGX));
        assert_eq!(rules.tee("aws", "Standard_DC4as_v5", "eastus"), TeeSet::default());
    }
}
