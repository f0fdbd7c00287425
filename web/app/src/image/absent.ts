// Stands for modules of Node that code for both worlds names and never uses in a browser.
export default {};
