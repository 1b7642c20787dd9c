/** Fields of a component, words. */
export const PLANE: usize = 0;
export const STRIDE: usize = 4;
export const ACROSS: usize = 8;
export const DOWN: usize = 12;
export const QUANTIZATION: usize = 16;
export const DC_TABLE: usize = 20;
export const AC_TABLE: usize = 24;
export const PREDICTION: usize = 28;
/** The blocks that are wanted. */
export const FIRST_COLUMN: usize = 32;
export const END_COLUMN: usize = 36;
export const FIRST_ROW: usize = 40;
export const END_ROW: usize = 44;
export const COMPONENT_BYTES: usize = 48;
