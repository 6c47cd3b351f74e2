// The command that makes results/measured/ipiv-v1.json from the published table; a test keeps the file fresh.
export const IMPORT_PUBLISHED = [
  'import',
  'results/measured/ipiv-v1.csv',
  '--scenario',
  'ipiv-v1',
  '--machine',
  'the machine of the v1 posting',
  '--cpu',
  'an Intel processor with IPI virtualization that the posting does not name',
  '--note',
  '"IPI virtualization support for VM", PATCH 0/5, kvm list, 16 July 2021',
];
